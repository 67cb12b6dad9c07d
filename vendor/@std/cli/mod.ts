/**
 * Stands in for JSR's `@std/cli` where JSR cannot be reached.
 *
 * @module
 */
export { parseArgs } from "./parse_args.ts";
