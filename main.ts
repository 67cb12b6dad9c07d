/**
 * The program's entry: a first argument that is no flag names a command, all else
 * runs a node. Each loads only what it needs.
 */
import { type ConsoleLogger, consoleLogger } from "./src/base/console_logger.ts";
import { logOutputs } from "./src/base/log_outputs.ts";
import { parseInvocation } from "./src/config.ts";

/** Exit status for a command line that cannot be followed. */
const USAGE_STATUS = 2;

/** How long the last lines of the log are waited for. */
const FLUSH_MS = 500;

/** What nobody caught ends a node at once: its state may be wrong. The runtime would wait for whoever reads the log. */
function exitAtFaults(logger: ConsoleLogger): void {
  const end = (event: Event, error: unknown) => {
    event.preventDefault();
    logger.lastWord(error instanceof Error ? error.stack ?? error.message : String(error));
    Deno.exit(1);
  };
  addEventListener("error", (event) => end(event, event.error));
  addEventListener("unhandledrejection", (event) => end(event, event.reason));
}

const [first] = Deno.args;
if (first !== undefined && !first.startsWith("-")) {
  const { runCli } = await import("./src/cli/cli.ts");
  const { systemTerminal } = await import("./src/cli/terminal.ts");
  Deno.exit(await runCli(Deno.args, systemTerminal()));
}

const invocation = await parseInvocation(Deno.args, (name) => Deno.env.get(name));
switch (invocation.kind) {
  case "help":
  case "version": {
    const { tell } = await import("./src/cli/cli.ts");
    const { systemTerminal } = await import("./src/cli/terminal.ts");
    Deno.exit(tell(invocation.text, systemTerminal()));
    break;
  }
  case "error": {
    const { systemTerminal } = await import("./src/cli/terminal.ts");
    systemTerminal().say(`etcd: ${invocation.line}\n`);
    Deno.exit(USAGE_STATUS);
    break;
  }
  case "run": {
    const { config } = invocation;
    const { level, format, outputs } = config.log;
    const logger = consoleLogger({ node: config.name, level, format, ...logOutputs(outputs) });
    exitAtFaults(logger);
    const { runServer } = await import("./src/server.ts");
    const exit = async (status: number) => {
      await logger.flush(FLUSH_MS);
      Deno.exit(status);
    };
    await exit(await runServer(config, logger, exit));
  }
}
