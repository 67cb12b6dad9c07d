/** Ranges of keys as v3's JSON has them, in base64. */

/** From `key` to before `range_end`; an empty end is the key alone. */
export interface Range {
  readonly key: string;
  readonly range_end: string;
}

/** Stands for no end. */
const NONE = Uint8Array.of(0);

const EVERYTHING: Range = { key: NONE.toBase64(), range_end: NONE.toBase64() };

/** One key. */
export function oneKey(key: Uint8Array): Range {
  return { key: key.toBase64(), range_end: "" };
}

/** Every key that begins with `prefix`. */
export function underPrefix(prefix: Uint8Array): Range {
  if (prefix.length === 0) return EVERYTHING;
  return { key: prefix.toBase64(), range_end: endOfPrefix(prefix).toBase64() };
}

/** `key` and all after it. */
export function fromKey(key: Uint8Array): Range {
  return key.length === 0 ? EVERYTHING : { key: key.toBase64(), range_end: NONE.toBase64() };
}

/** The first key after all that begin with `prefix`. */
export function endOfPrefix(prefix: Uint8Array): Uint8Array {
  for (let at = prefix.length - 1; at >= 0; at--) {
    if (prefix[at]! === 0xff) continue;
    const end = prefix.slice(0, at + 1);
    end[at]!++;
    return end;
  }
  return NONE;
}
