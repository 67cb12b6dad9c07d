/**
 * The shape of keys: absolute and clean (`/a/b`), "/" for the root directory.
 * Cleaning what a client sent is the API's work; here it is only checked.
 */

export const ROOT = "/";

/** Longest key, in UTF-16 code units: a record has room for three bytes each. The API allows less. */
export const KEY_LENGTH_MAX = 5 * 1024;

/**
 * Levels of a key that a client may set: each is a directory with a record that
 * spells out its path, and no request deletes it again. A key of 4 KiB with 2,000
 * of them would cost 4 MiB. What is in a log already is applied nevertheless.
 */
export const KEY_LEVELS_MAX = 128;

/** Whether `key` has more levels than `KEY_LEVELS_MAX`. */
export function isTooDeep(key: string): boolean {
  // A level has two characters at least: most keys are told apart without counting.
  if (key.length <= 2 * KEY_LEVELS_MAX) return false;
  let levels = 0;
  for (let at = 0; at >= 0; at = key.indexOf("/", at + 1)) levels++;
  return levels > KEY_LEVELS_MAX;
}

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
