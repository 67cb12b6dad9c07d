/**
 * Stands in for JSR's `@std/http` where JSR cannot be reached.
 *
 * @module
 */
export { STATUS_CODE, STATUS_TEXT } from "./status.ts";
export type { StatusCode, StatusText } from "./status.ts";
