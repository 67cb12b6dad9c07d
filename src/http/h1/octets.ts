/** Which octets may stand where in HTTP/1.1, and comparisons that make no strings. */

/** Of a method and a field's name (RFC 9110 §5.6.2). */
export const TOKEN = 1;
/** Of a field's value: no control but the tab (RFC 9110 §5.5). */
export const FIELD = 2;
/** Of a request target: no space and no control; bytes above 127 are read as UTF-8. */
export const TARGET = 4;
/** Of a host and its port (RFC 3986 §3.2.2): nothing that begins a path or ends user information. */
export const HOST = 8;
/** A hexadecimal digit, of either case. */
export const HEX = 16;

const NAMES: readonly (readonly [flag: number, set: RegExp])[] = [
  [TOKEN, /[!#$%&'*+\-.^_`|~0-9A-Za-z]/],
  [FIELD, /[\t\x20-\x7e\x80-\xff]/],
  [TARGET, /[\x21-\x7e\x80-\xff]/],
  [HOST, /[0-9A-Za-z\-._~%!$&'()*+,;=:[\]]/],
  [HEX, /[0-9A-Fa-f]/],
];

/** By octet, the flags of what it may be part of. */
export const OCTETS: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => {
  const character = String.fromCharCode(octet);
  return NAMES.reduce((flags, [flag, set]) => set.test(character) ? flags | flag : flags, 0);
});

/** Horizontal tab. */
export const TAB = 0x09;
/** Line feed. */
export const LF = 0x0a;
/** Carriage return. */
export const CR = 0x0d;
/** A space. */
export const SPACE = 0x20;
/** `,` */
export const COMMA = 0x2c;
/** `/` */
export const SLASH = 0x2f;
/** `0` */
export const ZERO = 0x30;
/** `9` */
export const NINE = 0x39;
/** `:` */
export const COLON = 0x3a;
/** `;` */
export const SEMICOLON = 0x3b;

/** Whether `bytes` have `text` at `at`. */
export function isAt(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * Whether the token at `at` is `name` in any case. `name` is lower case and of
 * letters and hyphens: of all tokens only the same letters become equal to one by the bit.
 */
export function isNamedAt(bytes: Uint8Array, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if ((bytes[at + i]! | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}
