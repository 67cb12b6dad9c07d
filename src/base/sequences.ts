/** What lists and byte arrays have in common. */

/** Whether both have the same items in the same order. */
export function hasSameItems<T>(one: ArrayLike<T>, other: ArrayLike<T>): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
