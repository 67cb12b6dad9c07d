/** What all handlers ask of the service, with the refusals told to their calls. */
import type { Command, Operation } from "../../store/command/command.ts";
import type { SuccessOf } from "../../store/result.ts";
import type { Store } from "../../store/store.ts";
import { type Credentials, NO_CREDENTIALS, type Who } from "../../service/auth/credentials.ts";
import type { Failure } from "../../node/ports.ts";
import { mayApply } from "../../store/auth/judge.ts";
import { ALL_RIGHTS, type Rights } from "../../store/auth/rights.ts";
import { byteStringOf } from "../../store/byte_string.ts";
import type { Caller, UnaryCall } from "./call.ts";
import type { V3Context } from "./context.ts";
import { approximateSize } from "./kv/operations.ts";
import { failureStatus, rejectionStatus } from "./refusal.ts";
import { STATUS } from "./statuses.ts";

type AnyCall = Pick<UnaryCall<object>, "caller" | "fail">;

/** What somebody must be allowed to do. */
export type Needs = (rights: Rights, store: Store) => boolean;

/** Nothing: whoever may call the method may have what it tells. */
export const ANYBODY: Needs = () => true;

/** What an operation that only reads needs. */
export function mayRead(operation: Operation): Needs {
  return (rights, store) => mayApply(rights, store, operation);
}

/** Says who calls, to whoever wants to know. */
export function whoCalls(call: Pick<AnyCall, "caller">): Who {
  return () => {
    const { caller } = call;
    return { ...credentialsOf(caller), address: () => caller.address };
  };
}

/**
 * The token counts first. The name in a certificate is that of the client itself only
 * where no gateway may stand between.
 */
function credentialsOf({ token, certificate, door }: Caller): Credentials {
  if (token !== undefined) return { kind: "token", token };
  const name = door === "grpc" ? certificate?.commonName : undefined;
  return name === undefined || name === ""
    ? NO_CREDENTIALS
    : { kind: "certificate", name: byteStringOf(name), orGuest: false };
}

/** Calls `serve` once this member knows all that was acknowledged before; else `fail`, or the call fails. */
export function readFresh(
  { service }: V3Context,
  call: AnyCall,
  needs: Needs,
  serve: (store: Store) => void,
  fail = (failure: Failure) => call.fail(failureStatus(failure)),
): void {
  service.auth.whenFresh(
    whoCalls(call),
    needs,
    serve,
    (problem) => call.fail(rejectionStatus(problem)),
    fail,
  );
}

/**
 * As `readFresh` while there is a leader, else by what this member knows: for what is asked of
 * a member. Who has lost the quorum saves what is left of it.
 */
export function readHere(
  v3: V3Context,
  call: AnyCall,
  needs: Needs,
  serve: (store: Store) => void,
): void {
  const here = () => readStale(v3, call, needs, serve);
  if (v3.service.node.leader() === undefined) return here();
  readFresh(
    v3,
    call,
    needs,
    serve,
    (failure) => failure.reason === "noLeader" ? here() : call.fail(failureStatus(failure)),
  );
}

/** Calls `serve` at once, unless this member's state can't be trusted. */
export function readStale(
  { service }: V3Context,
  call: AnyCall,
  needs: Needs,
  serve: (store: Store) => void,
): void {
  service.readStale((store) => {
    const rights = service.auth.isOn ? service.auth.rightsOf(whoCalls(call)) : ALL_RIGHTS;
    if (typeof rights === "string") return call.fail(rejectionStatus(rights));
    if (!needs(rights, store)) return call.fail(STATUS.permissionDenied);
    serve(store);
  }, (failure) => call.fail(failureStatus(failure)));
}

/** Has an operation on keys carried out. */
export function writeOperation<C extends Operation>(
  v3: V3Context,
  call: AnyCall,
  operation: C,
  done: (result: SuccessOf<C>) => void,
): void {
  if (approximateSize(operation) > v3.limits.requestBytesMax) {
    return call.fail(STATUS.requestTooLarge);
  }
  write(v3, call, operation, done);
}

/** Has a command carried out. */
export function write<C extends Command>(
  { service }: V3Context,
  call: AnyCall,
  command: C,
  done: (result: SuccessOf<C>) => void,
): void {
  service.auth.write(whoCalls(call), command, false, (answer) => {
    if (!answer.ok) return call.fail(failureStatus(answer));
    const { value } = answer;
    if (value.kind === "rejected") call.fail(rejectionStatus(value.reason));
    else done(value);
  });
}
