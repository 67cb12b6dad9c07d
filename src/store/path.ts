/** The paths of v1 and v2 as byte strings: which keys are files, and what is above them. */
import { type ByteString, isUtf8 } from "./byte_string.ts";

/** The directory above all. */
export const ROOT = "/";

/** Longest key that is a file, in bytes. */
const PATH_BYTES_MAX = 4096;

/**
 * Levels of a key that is a file: each may be a directory with a record that spells
 * out its path. A key of 4 KiB with 2,000 levels would cost 4 MiB.
 */
export const PATH_LEVELS_MAX = 128;

const SLASH = 0x2f;

/**
 * Whether v1 and v2 see `key` as a file: UTF-8, begins with a slash, no empty, `.` or
 * `..` segment, no NUL, not too long and not too deep.
 */
export function isFilePath(key: ByteString): boolean {
  if (key.charCodeAt(0) !== SLASH || key.length < 2 || key.length > PATH_BYTES_MAX) return false;
  if (key.charCodeAt(key.length - 1) === SLASH) return false;
  let levels = 0;
  let start = 0;
  for (let i = 1; i <= key.length; i++) {
    const unit = i === key.length ? SLASH : key.charCodeAt(i);
    if (unit === 0) return false;
    if (unit !== SLASH) continue;
    if (isDots(key, start + 1, i)) return false;
    start = i;
    if (++levels > PATH_LEVELS_MAX) return false;
  }
  return isUtf8(key);
}

/** Whether `path`, as text or bytes, has more levels than a file may have. */
export function isTooDeep(path: string): boolean {
  // A level has two characters at least: most paths are told apart without counting.
  if (path.length <= 2 * PATH_LEVELS_MAX) return false;
  let levels = 0;
  for (let at = 0; at >= 0; at = path.indexOf("/", at + 1)) levels++;
  return levels > PATH_LEVELS_MAX;
}

/** An empty, `.` or `..` segment from `start` to `end`. */
function isDots(key: ByteString, start: number, end: number): boolean {
  if (end - start > 2) return false;
  for (let i = start; i < end; i++) if (key.charCodeAt(i) !== 0x2e) return false;
  return true;
}

/** The directory that holds `key`, which is not the root; may be a slice of `key`. */
export function parentOf(key: ByteString): ByteString {
  const slash = key.lastIndexOf("/");
  return slash <= 0 ? ROOT : key.slice(0, slash);
}

/** What the keys of everything under `directory` start with. */
export function prefixOf(directory: ByteString): ByteString {
  return directory === ROOT ? ROOT : directory + "/";
}

/** The first key that sorts after everything under `directory`: "0" comes right after "/". */
export function endOf(directory: ByteString): ByteString {
  return directory === ROOT ? "0" : directory + "0";
}
