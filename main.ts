/**
 * The program's entry: a first argument that is no flag names a command, all else
 * runs a node. Each loads only what it needs.
 */
import { consoleLogger } from "./src/base/console_logger.ts";
import { parseFlags } from "./src/config.ts";

/** Exit status for a command line that cannot be followed. */
const USAGE_STATUS = 2;

const [first] = Deno.args;
if (first !== undefined && !first.startsWith("-")) {
  const { runCli } = await import("./src/cli/cli.ts");
  const { systemTerminal } = await import("./src/cli/terminal.ts");
  Deno.exit(await runCli(Deno.args, systemTerminal()));
}

const invocation = parseFlags(Deno.args, (name) => Deno.env.get(name));
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
    const logger = consoleLogger({
      node: config.name,
      level: config.logLevel,
      format: config.logFormat,
    });
    const { runServer } = await import("./src/server.ts");
    Deno.exit(await runServer(config, logger));
  }
}
