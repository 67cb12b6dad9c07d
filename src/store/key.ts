/**
 * The shape of keys: absolute and clean (`/a/b`), "/" for the root directory.
 * Cleaning what a client sent is the API's work; here it is only checked.
 */

export const ROOT = "/";

/** Longest key, in UTF-16 code units: a record has room for three bytes each. The API allows less. */
export const KEY_LENGTH_MAX = 5 * 1024;

/**
 * Whether a command may name `key`: absolute, not too long, no empty segment, no
 * trailing slash, not under `/_etcd`, where only the cluster writes.
 */
export function isWritable(key: string): boolean {
  if (key === ROOT) return true;
  if (key.length > KEY_LENGTH_MAX) return false;
  return key.startsWith("/") && !key.endsWith("/") && !key.includes("//") &&
    !(key.startsWith("/_etcd") && (key.length === 6 || key.charAt(6) === "/"));
}

/** The directory that holds `key`, which is not the root; may be a slice of `key`. */
export function parentOf(key: string): string {
  const slash = key.lastIndexOf("/");
  return slash === 0 ? ROOT : key.slice(0, slash);
}

/** What the keys of everything under `directory` start with. */
export function prefixOf(directory: string): string {
  return directory === ROOT ? ROOT : directory + "/";
}
