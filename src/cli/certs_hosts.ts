/** The hosts of `-hosts`: read from the command line, looked for in certificates. */
import type { X509Certificate } from "node:crypto";
import type { Settings } from "../config/command_line.ts";
import type { Flag } from "../config/flags.ts";
import { printable, UsageError } from "../config/usage_error.ts";
import { readFields } from "../x509/fields.ts";
import { type AlternativeName, hostsIn, isForHost, parseAlternativeName } from "../x509/names.ts";

/** Each once. Throws `UsageError`. */
export function hostsOf(settings: Settings<Flag>): AlternativeName[] {
  const texts = settings.text("hosts").split(",").map((text) => text.trim());
  return [...new Set(texts)].map((text) => {
    const name = parseAlternativeName(text);
    if (name !== undefined) return name;
    throw new UsageError(
      `-hosts expects host names and addresses separated by commas, without ports, ` +
        `found "${printable(text)}" in it`,
    );
  });
}

/** Those of `names` that a client would not accept the certificate for. */
export function missingNames(
  { raw }: X509Certificate,
  names: readonly AlternativeName[],
): AlternativeName[] {
  const fields = readFields(raw);
  return names.filter(({ text }) => !isForHost(fields, text));
}

/** Its subject alternative names, without their kinds. */
export function namesIn({ raw }: X509Certificate): string[] {
  return hostsIn(readFields(raw));
}
