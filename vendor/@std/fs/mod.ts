/**
 * Stands in for JSR's `@std/fs` where JSR cannot be reached.
 *
 * @module
 */
export { emptyDir } from "./empty_dir.ts";
export { ensureDir, ensureDirSync } from "./ensure_dir.ts";
export { exists, existsSync } from "./exists.ts";
export { walk, walkSync } from "./walk.ts";
