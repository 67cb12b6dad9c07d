/**
 * JSON as text, with what `JSON.parse` can't give: numbers of 64 bits as they
 * were written, an end after the first value, a bound on nesting, and errors in
 * the words of Go's `encoding/json`, which clients of etcd's gateway have seen.
 */
import { MessageError } from "./message_error.ts";

/** A number as it was written, e.g. `-12` or `1.5e3`. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object is a `Map`, since clients choose its names. */
export type Json =
  | null
  | boolean
  | string
  | JsonNumber
  | readonly Json[]
  | ReadonlyMap<string, Json>;

/** A `Map` of nothing takes 200 bytes, and a body may have half a million of them. */
const EMPTY: ReadonlyMap<string, Json> = new Map();

/** Lists and objects in each other. Go's bound is 10,000; messages need no more than 300. */
const DEPTH_MAX = 1_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const LITERALS: readonly (readonly [text: string, value: null | boolean])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

/**
 * The first value of `text`; what follows is not looked at. Undefined when there
 * is nothing but blanks. Throws `MessageError`.
 */
export function firstValue(text: string): Json | undefined {
  const scanner = new Scanner(text, "unexpected EOF");
  scanner.blanks();
  return scanner.atEnd ? undefined : scanner.value(0);
}

/** The values of `text`, one after another. Throws `MessageError` at what is none. */
export function* allValues(text: string): Generator<Json, void> {
  const scanner = new Scanner(text, "unexpected EOF");
  for (scanner.blanks(); !scanner.atEnd; scanner.blanks()) yield scanner.value(0);
}

/** The one value that `text` is. Throws `MessageError`. */
export function onlyValue(text: string): Json {
  const scanner = new Scanner(text, "unexpected end of JSON input");
  scanner.blanks();
  const value = scanner.value(0);
  scanner.blanks();
  if (!scanner.atEnd) scanner.invalid("after top-level value");
  return value;
}

class Scanner {
  readonly #text: string;
  readonly #endText: string;
  #at = 0;

  constructor(text: string, endText: string) {
    this.#text = text;
    this.#endText = endText;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The character here; the text must go on. */
  #next(): string {
    const character = this.#text[this.#at];
    if (character === undefined) throw new MessageError(this.#endText);
    return character;
  }

  invalid(context: string): never {
    throw new MessageError(`invalid character ${quoted(this.#next())} ${context}`);
  }

  blanks(): void {
    while (isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  value(depth: number): Json {
    const character = this.#next();
    if (character === "{" || character === "[") {
      if (depth >= DEPTH_MAX) throw new MessageError("exceeded max depth");
      return character === "{" ? this.#object(depth + 1) : this.#list(depth + 1);
    }
    if (character === '"') return this.#string();
    if (character === "-" || isDigit(character)) return this.#number();
    const literal = LITERALS.find(([text]) => text[0] === character);
    return literal === undefined
      ? this.invalid("looking for beginning of value")
      : this.#literal(...literal);
  }

  #object(depth: number): ReadonlyMap<string, Json> {
    this.#at++;
    this.blanks();
    if (this.#taken("}")) return EMPTY;
    const result = new Map<string, Json>();
    while (true) {
      if (this.#next() !== '"') this.invalid("looking for beginning of object key string");
      const name = this.#string();
      this.blanks();
      if (!this.#taken(":")) this.invalid("after object key");
      this.blanks();
      result.set(name, this.value(depth));
      this.blanks();
      if (this.#taken("}")) return result;
      if (!this.#taken(",")) this.invalid("after object key:value pair");
      this.blanks();
    }
  }

  #list(depth: number): readonly Json[] {
    const result: Json[] = [];
    this.#at++;
    this.blanks();
    if (this.#taken("]")) return result;
    while (true) {
      result.push(this.value(depth));
      this.blanks();
      if (this.#taken("]")) return result;
      if (!this.#taken(",")) this.invalid("after array element");
      this.blanks();
    }
  }

  #taken(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let at = start + 1;
    let plain = true;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code < SPACE) {
        this.#at = at;
        this.invalid("in string literal");
      }
      if (code === BACKSLASH) {
        plain = false;
        at = this.#escape(at + 1);
      } else {
        at++;
      }
    }
    if (at >= text.length) throw new MessageError(this.#endText);
    this.#at = at + 1;
    if (plain) return text.slice(start + 1, at);
    return (JSON.parse(text.slice(start, at + 1)) as string).toWellFormed();
  }

  /** Checks what follows a backslash; returns where it ends. */
  #escape(at: number): number {
    this.#at = at;
    const kind = this.#next();
    if (kind !== "u") {
      if (!'"\\/bfnrt'.includes(kind)) this.invalid("in string escape code");
      return at + 1;
    }
    for (let i = 1; i <= 4; i++) {
      this.#at = at + i;
      if (!/[0-9a-fA-F]/.test(this.#next())) this.invalid("in \\u hexadecimal character escape");
    }
    return at + 5;
  }

  #number(): JsonNumber {
    const start = this.#at;
    this.#taken("-");
    if (!this.#taken("0")) this.#digits("in numeric literal");
    if (this.#taken(".")) this.#digits("after decimal point in numeric literal");
    if (this.#taken("e") || this.#taken("E")) {
      if (!this.#taken("+")) this.#taken("-");
      this.#digits("in exponent of numeric literal");
    }
    return new JsonNumber(this.#text.slice(start, this.#at));
  }

  #digits(context: string): void {
    if (!isDigit(this.#next())) this.invalid(context);
    while (isDigit(this.#text[this.#at] ?? "")) this.#at++;
  }

  #literal(text: string, value: null | boolean): null | boolean {
    for (const character of text) {
      if (this.#next() !== character) {
        this.invalid(`in literal ${text} (expecting '${character}')`);
      }
      this.#at++;
    }
    return value;
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9";
}

const encoder = new TextEncoder();

/** As Go quotes the byte that it stopped at: beyond ASCII, the first one of the character. */
function quoted(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  const byte = encoder.encode(character)[0]!;
  const escape = ESCAPES.get(byte);
  if (escape !== undefined) return `'${escape}'`;
  if (byte < SPACE || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, "0")}'`;
  return `'${String.fromCharCode(byte)}'`;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0b, "\\v"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
  [BACKSLASH, "\\\\"],
]);
