/** What ends a connection (RFC 9113 §5.4.1). */

import { ErrorCode } from "./stream.ts";

/** The peer has broken a rule; the message goes to it and to the log. */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  /** One of `ErrorCode`. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A rule is broken that has no code of its own. */
export function protocolError(found: string): Http2Error {
  return new Http2Error(ErrorCode.protocolError, `found ${found}`);
}

/** RFC 9113 §4.2 */
export function frameSizeError(): Http2Error {
  return new Http2Error(ErrorCode.frameSizeError, "a frame has another length than its type");
}
