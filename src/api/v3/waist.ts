/** What all handlers ask of the service, with the refusals told to their calls. */
import type { Command, Operation } from "../../store/command/command.ts";
import type { Applied, Done } from "../../store/result.ts";
import type { Store } from "../../store/store.ts";
import type { UnaryCall } from "./call.ts";
import { requesterOf, type V3Context } from "./context.ts";
import { approximateSize } from "./kv/operations.ts";
import { failureStatus, rejectionStatus } from "./refusal.ts";
import { StatusCode } from "./status.ts";
import { STATUS, status } from "./statuses.ts";

type AnyCall = Pick<UnaryCall<object>, "caller" | "fail">;

/** Calls `serve` once this member knows all that was acknowledged before; else the call fails. */
export function readFresh(
  { service }: V3Context,
  call: AnyCall,
  serve: (store: Store) => void,
): void {
  service.whenFresh(serve, (failure) => call.fail(failureStatus(failure)));
}

/** Calls `serve` at once, unless this member's state can't be trusted. */
export function readStale(
  { service }: V3Context,
  call: AnyCall,
  serve: (store: Store) => void,
): void {
  service.readStale(serve, (failure) => call.fail(failureStatus(failure)));
}

/** Has an operation on keys carried out. */
export function writeOperation(
  { service, limits }: V3Context,
  call: AnyCall,
  operation: Operation,
  applied: (result: Applied) => void,
): void {
  if (approximateSize(operation) > limits.requestBytesMax) return call.fail(STATUS.requestTooLarge);
  service.write(operation, false, (answer) => {
    if (!answer.ok) return call.fail(failureStatus(answer));
    const { value } = answer;
    if (value.kind === "applied") applied(value);
    else call.fail(value.kind === "rejected" ? rejectionStatus(value.reason) : FOREIGN_RESULT);
  }, requesterOf(call.caller));
}

/** Has another command carried out. */
export function write(
  { service }: V3Context,
  call: AnyCall,
  command: Command,
  done: (result: Done) => void,
): void {
  service.write(command, false, (answer) => {
    if (!answer.ok) return call.fail(failureStatus(answer));
    const { value } = answer;
    if (value.kind === "done") done(value);
    else call.fail(value.kind === "rejected" ? rejectionStatus(value.reason) : FOREIGN_RESULT);
  }, requesterOf(call.caller));
}

/** A member of another version answered something else than this one asks for. */
const FOREIGN_RESULT = status(
  StatusCode.internal,
  "the leader answered with another kind of result",
);
