/** What is wrong with a command line; caught where it was parsed, or where a blank node starts by it. */

/** Its message is one line for the user: what was expected, found, and what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What a user typed, safe for one line of a terminal. */
export function printable(text: string): string {
  const shown = text.replace(/\p{Cc}/gu, "\u{FFFD}");
  return shown.length > 100 ? `${shown.slice(0, 100)}…` : shown;
}
