/** Origins as `-cors` takes them: `*`, or scheme, host and perhaps a port. */
import { printable, UsageError } from "./usage_error.ts";

/** Each once, as browsers send it (RFC 6454 §6.2). Throws `UsageError`. */
export function parseOrigins(list: string, label: string): readonly string[] {
  const items = list.split(/[\s,]+/).filter((item) => item !== "");
  if (items.length === 0) throw new UsageError(`${label} expects origins, found none`);
  return [...new Set(items.map((item) => item === "*" ? item : parseOrigin(item, label)))];
}

function parseOrigin(text: string, label: string): string {
  const { origin = "null" } = URL.parse(text) ?? {};
  if (origin !== "null" && /^https?:\/\/[^/?#@\\]+\/?$/i.test(text)) return origin;
  throw new UsageError(
    `${label} expects "*" or origins such as "https://example.org:8080", ` +
      `found "${printable(text)}"`,
  );
}
