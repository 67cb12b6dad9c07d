/** What the connections of a port share. */
import type { Socket } from "node:net";
import type { Logger } from "../../base/logger.ts";
import type { HttpLimits } from "../endpoint.ts";
import type { Handler } from "../exchange.ts";
import type { RenderFault } from "../fault.ts";
import type { Answers } from "./answer.ts";
import type { FedBodies } from "./fed_body.ts";
import type { Head } from "./head.ts";
import type { Output } from "./output.ts";

/** The part of a port that its connections see. */
export interface Port {
  readonly limits: HttpLimits;
  readonly logger: Logger;
  readonly handler: Handler;
  readonly renderFault: RenderFault;
  readonly output: Output;
  readonly answers: Answers;
  readonly fedBodies: FedBodies;
  /** For one call at a time. */
  readonly head: Head;
  /** When time was looked at last, on the clock of `performance.now`: often enough for time-outs. */
  readonly nowMs: number;
  /** Every answer is the last of its connection. */
  readonly isClosing: boolean;
  /** False when so many more bytes of bodies that arrive would be too many; else they count until `release`. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  /** A request has come on `socket`. */
  used(socket: Socket): void;
  /** `socket` is closed. */
  closed(socket: Socket): void;
}
