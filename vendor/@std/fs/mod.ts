/**
 * Stands in for JSR's `@std/fs` where JSR cannot be reached.
 *
 * @module
 */
export { ensureDir, ensureDirSync } from "./ensure_dir.ts";
export { exists, existsSync } from "./exists.ts";
export { walk, walkSync } from "./walk.ts";
