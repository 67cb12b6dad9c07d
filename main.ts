/** The program's entry: what the command line asks for, and the exit status. */
import { consoleLogger } from "./src/base/console_logger.ts";
import { parseFlags } from "./src/config.ts";
import { runServer } from "./src/server.ts";

/** Exit status for a command line that cannot be followed. */
const USAGE_STATUS = 2;

const invocation = parseFlags(Deno.args, (name) => Deno.env.get(name));
switch (invocation.kind) {
  case "help":
  case "version":
    console.log(invocation.text.trimEnd());
    break;
  case "error":
    console.error(`etcd: ${invocation.line}`);
    Deno.exitCode = USAGE_STATUS;
    break;
  case "run": {
    const { config } = invocation;
    const logger = consoleLogger({
      node: config.name,
      level: config.logLevel,
      format: config.logFormat,
    });
    Deno.exit(await runServer(config, logger));
  }
}
