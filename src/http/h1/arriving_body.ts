/** A request body that has not come as a whole yet, within the bounds of its port. */
import { Buffer } from "node:buffer";
import type { Fault } from "../exchange.ts";
import { fault } from "../fault.ts";
import { bodyTooLarge, TOO_MANY_BODIES } from "../message.ts";
import { ChunkedBody } from "./chunked.ts";
import type { Head } from "./head.ts";
import type { Port } from "./port.ts";

/** Up to here a body is not counted: ten thousand slow ones take 160 MiB. */
const SMALL_BODY_BYTES_MAX = 16 * 1024;

/** What a body is after some more of it: whole, not yet, or refused. */
export type Progress =
  | { readonly kind: "more" }
  | { readonly kind: "whole"; readonly bytes: Buffer; readonly end: number }
  | { readonly kind: "refused"; readonly refusal: Fault };

const MORE: Progress = { kind: "more" };

/** A body whose length was told, or one in chunks. */
export interface ArrivingBody {
  /** Takes what has come, from `at` on; `end` of what it returns is where the next request begins. */
  take(bytes: Buffer, at: number): Progress;
  /** Lets go of what it counts for. */
  release(): void;
}

/** Begins a body by its head. Returns the refusal when it may not come. */
export function beginBody(head: Head, port: Port): ArrivingBody | Fault {
  if (head.framing === "chunked") return new ArrivingChunks(port);
  const { contentLength } = head;
  if (contentLength > port.limits.bodyBytesMax) return bodyTooLarge(port.limits);
  const counted = contentLength > SMALL_BODY_BYTES_MAX ? contentLength : 0;
  return port.reserve(counted) ? new ArrivingBytes(port, contentLength, counted) : TOO_MANY_BODIES;
}

class ArrivingBytes implements ArrivingBody {
  readonly #port: Port;
  readonly #bytes: Buffer;
  #counted: number;
  #size = 0;

  constructor(port: Port, length: number, counted: number) {
    this.#port = port;
    this.#bytes = Buffer.allocUnsafe(length);
    this.#counted = counted;
  }

  take(bytes: Buffer, at: number): Progress {
    const count = bytes.copy(this.#bytes, this.#size, at);
    this.#size += count;
    if (this.#size < this.#bytes.length) return MORE;
    return { kind: "whole", bytes: this.#bytes, end: at + count };
  }

  release(): void {
    this.#port.release(this.#counted);
    this.#counted = 0;
  }
}

class ArrivingChunks implements ArrivingBody {
  readonly #port: Port;
  readonly #body: ChunkedBody;
  #counted = 0;

  constructor(port: Port) {
    this.#port = port;
    this.#body = new ChunkedBody(port.limits.bodyBytesMax);
  }

  take(bytes: Buffer, at: number): Progress {
    const { state, end } = this.#body.take(bytes, at);
    switch (state) {
      case "more":
        return this.#count() ? MORE : { kind: "refused", refusal: TOO_MANY_BODIES };
      case "done":
        return { kind: "whole", bytes: this.#body.bytes, end };
      case "malformed":
        return { kind: "refused", refusal: fault(400, "Expected a body in chunks, found another") };
      case "long":
        return { kind: "refused", refusal: bodyTooLarge(this.#port.limits) };
    }
  }

  release(): void {
    this.#port.release(this.#counted);
    this.#counted = 0;
  }

  #count(): boolean {
    const { size } = this.#body;
    if (size <= SMALL_BODY_BYTES_MAX || size <= this.#counted) return true;
    if (!this.#port.reserve(size - this.#counted)) return false;
    this.#counted = size;
    return true;
  }
}
