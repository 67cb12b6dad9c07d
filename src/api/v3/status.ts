/**
 * What gRPC says in text: status codes and their names, messages of errors,
 * deadlines, content types (gRPC over HTTP/2, doc/PROTOCOL-HTTP2.md).
 */

/** The codes that etcd uses, and those that gRPC itself needs. */
export const StatusCode = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type StatusCode = typeof StatusCode[keyof typeof StatusCode];

const NAMES = Object.entries(StatusCode).map(([name, code]): [StatusCode, string] => [
  code,
  code === StatusCode.ok ? "OK" : name[0]!.toUpperCase() + name.slice(1),
]);

const names: ReadonlyMap<StatusCode, string> = new Map(NAMES);

/** The name in Go's spelling, e.g. `PermissionDenied`, as in metrics and in texts of errors. */
export function statusName(code: StatusCode): string {
  return names.get(code) ?? `Code(${code})`;
}

/** Why a call failed: what `grpc-status` and `grpc-message` will say. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: StatusCode;

  constructor(code: StatusCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const encoder = new TextEncoder();

/** A `grpc-message`: printable ASCII but for the percent sign stands for itself, all else is encoded. */
export function encodeStatusMessage(message: string): string {
  if (/^[ -$&-~]*$/.test(message)) return message;
  let text = "";
  for (const byte of encoder.encode(message)) {
    text += byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** The reverse, which takes anything: what is not encoded properly stands for itself. */
export function decodeStatusMessage(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const hex = text[at] === "%" ? /^[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 3)) : null;
    if (hex === null) {
      bytes.push(...encoder.encode(text[at]));
    } else {
      bytes.push(parseInt(hex[0], 16));
      at += 2;
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["H", 3_600_000],
  ["M", 60_000],
  ["S", 1_000],
  ["m", 1],
  ["u", 1e-3],
  ["n", 1e-6],
]);

/** The milliseconds of a `grpc-timeout`; undefined when it is malformed. */
export function parseTimeoutMs(text: string): number | undefined {
  const found = /^([0-9]{1,8})([HMSmun])$/.exec(text);
  return found === null ? undefined : Number(found[1]) * UNIT_MS.get(found[2]!)!;
}

/** Whether a request of this content type is gRPC with messages in protobuf. */
export function isGrpcContentType(contentType: string | undefined): boolean {
  return /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType ?? "");
}
