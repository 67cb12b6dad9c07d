/**
 * Forms, paths and numbers once more, byte by byte and without any care for
 * speed: what `http/form.ts`, `http/path.ts` and `api/v1/number.ts` must agree
 * with. Shares no code with them.
 */
import { bytesOf } from "./subject.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

const PERCENT = 0x25;

function hexDigit(byte: number | undefined): number {
  const digit = "0123456789abcdef".indexOf(
    String.fromCharCode(byte ?? 0).toLowerCase(),
  );
  return byte === undefined || byte === 0 ? -1 : digit;
}

/** The bytes that a percent-encoded text stands for; undefined when an escape is none. */
function unescaped(text: string): Uint8Array | undefined {
  const input = bytesOf(text);
  const output: number[] = [];
  for (let i = 0; i < input.length; i++) {
    if (input[i] !== PERCENT) {
      output.push(input[i]!);
      continue;
    }
    const [high, low] = [hexDigit(input[i + 1]), hexDigit(input[i + 2])];
    if (high < 0 || low < 0) return undefined;
    output.push(high * 16 + low);
    i += 2;
  }
  return Uint8Array.from(output);
}

/** The clean path of a request, undefined when it has to be refused. */
export function referencePath(raw: string): string | undefined {
  const bytes = unescaped(raw);
  if (bytes === undefined || bytes.includes(0)) return undefined;
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch {
    return undefined;
  }
  const path: string[] = [];
  for (const segment of text.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") path.pop();
    else path.push(segment);
  }
  return "/" + path.join("/");
}

function field(text: string): string | undefined {
  const bytes = unescaped(text.split("+").join(" "));
  return bytes === undefined ? undefined : lenient.decode(bytes);
}

/** The fields `names` of body and query, "bad" when one of them has a broken escape. */
export function referenceFields(
  body: string,
  query: string,
  names: ReadonlySet<string>,
): Map<string, string> | "bad" {
  const fields = new Map<string, string>();
  for (const pair of [...body.split("&"), ...query.split("&")]) {
    const [rawName = "", ...rest] = pair.split("=");
    const name = field(rawName);
    if (name === undefined || !names.has(name) || fields.has(name)) continue;
    const value = field(rest.join("="));
    if (value === undefined) return "bad";
    fields.set(name, value);
  }
  return fields;
}

/** The last deadline that can be written down: the end of the year 9999. */
const LAST_MS = BigInt(Date.UTC(10_000, 0, 1) - 1);

/** Whole seconds, undefined when `text` is no such number or its deadline is too far. */
export function referenceTtl(text: string, nowMs: number): number | undefined {
  const digits = /^[+-]/.test(text) ? text.slice(1) : text;
  if (digits === "" || [...digits].some((digit) => !"0123456789".includes(digit))) return undefined;
  const seconds = BigInt(digits) * (text.startsWith("-") ? -1n : 1n);
  if (seconds >= 2n ** 53n || seconds <= -(2n ** 53n)) return undefined;
  return BigInt(nowMs) + seconds * 1000n > LAST_MS ? undefined : Number(seconds);
}
