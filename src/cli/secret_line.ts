/**
 * A line that is typed while the terminal is raw: nothing shows, and what the terminal
 * would do with some keys is done here. Pure.
 */

/** What has become of the line after some keys. */
export type Typing =
  | { readonly kind: "typing" }
  /** `undefined`: the end of the input came first. */
  | { readonly kind: "done"; readonly text: string | undefined }
  | { readonly kind: "interrupted" };

/** A password is shorter; nobody fills the memory by a pipe that calls itself a keyboard. */
const BYTES_MAX = 64 * 1024;

const TYPING: Typing = { kind: "typing" };
const INTERRUPTED: Typing = { kind: "interrupted" };

/** Bytes that a terminal acts on, by their names in termios(3). */
const KEY = {
  intr: 0x03,
  eof: 0x04,
  backspace: 0x08,
  lineFeed: 0x0a,
  enter: 0x0d,
  kill: 0x15,
  erase: 0x7f,
} as const;

/** See the file's head. */
export class SecretLine {
  #bytes: number[] = [];

  /** Takes what was typed, in any portions. Nothing may be typed after it is done or interrupted. */
  type(bytes: Uint8Array): Typing {
    for (const byte of bytes) {
      const state = this.#key(byte);
      if (state.kind !== "typing") return state;
    }
    return TYPING;
  }

  /** The line as it is; `undefined` where there is none. */
  end(): string | undefined {
    return this.#bytes.length === 0
      ? undefined
      : new TextDecoder().decode(Uint8Array.from(this.#bytes));
  }

  #key(byte: number): Typing {
    switch (byte) {
      case KEY.enter:
      case KEY.lineFeed:
        return { kind: "done", text: this.end() ?? "" };
      case KEY.eof:
        return { kind: "done", text: this.end() };
      case KEY.intr:
        return INTERRUPTED;
      case KEY.backspace:
      case KEY.erase:
        this.#eraseCharacter();
        return TYPING;
      case KEY.kill:
        this.#bytes = [];
        return TYPING;
      default:
        if (this.#bytes.length < BYTES_MAX) this.#bytes.push(byte);
        return TYPING;
    }
  }

  /** All bytes of it: those that go on with one begin with the bits 10 (RFC 3629). */
  #eraseCharacter(): void {
    let byte = this.#bytes.pop();
    while (byte !== undefined && (byte & 0xc0) === 0x80) byte = this.#bytes.pop();
  }
}
