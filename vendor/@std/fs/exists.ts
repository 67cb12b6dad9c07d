/**
 * Stands in for JSR's `@std/fs/exists`, without its options.
 *
 * @module
 */
import { existsSync as nodeExistsSync } from "node:fs";

export const existsSync: (path: string | URL) => boolean = nodeExistsSync;

export function exists(path: string | URL): Promise<boolean> {
  return Promise.resolve(nodeExistsSync(path));
}
