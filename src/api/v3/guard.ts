/** Lets handlers see only calls of those who may call their methods at all. */
import type { Service } from "../../service/service.ts";
import type { Rights } from "../../store/auth/rights.ts";
import { GUEST_ROLE } from "../../store/auth/users.ts";
import { accessOf } from "./access.ts";
import type { Handler, StreamCall, StreamListener, UnaryCall } from "./call.ts";
import { type Method, METHODS } from "./methods.ts";
import { failureStatus, rejectionStatus } from "./refusal.ts";
import { whoCalls } from "./waist.ts";

/** `handler` behind the rules of `access.ts`. */
export function guarded({ auth }: Service, handler: Handler): Handler {
  const { method } = handler;
  if (handler.kind === "unary") {
    return {
      ...handler,
      handle: (request: object, call: UnaryCall<object>) => {
        if (!auth.isOn || isForGuests(auth, method)) return handler.handle(request, call);
        const needs = needsOf(accessOf(method, request));
        if (needs === undefined) return handler.handle(request, call);
        auth.admit(
          whoCalls(call),
          needs,
          (problem) => {
            if (problem !== undefined) call.fail(rejectionStatus(problem));
            else if (!call.isOver) handler.handle(request, call);
          },
          (failure) => call.fail(failureStatus(failure)),
          accessOf(method, request) === "root" ? method.path : undefined,
        );
      },
    };
  }
  const needs = needsOf(accessOf(method, undefined));
  if (needs === undefined) return handler;
  /** Fails the call of somebody who may not. */
  const isRefused = (call: StreamCall<object>): boolean => {
    const rights = auth.isOn ? auth.rightsOf(whoCalls(call)) : undefined;
    if (rights === undefined || typeof rights !== "string" && needs(rights)) return false;
    call.fail(rejectionStatus(typeof rights === "string" ? rights : "permissionDenied"));
    return true;
  };
  if (handler.kind === "bidi") {
    return {
      ...handler,
      handle: (call: StreamCall<object>) =>
        isRefused(call) ? { ...NOTHING, ...NO_MESSAGES } : handler.handle(call),
    };
  }
  return {
    ...handler,
    handle: (request: object, call: StreamCall<object>) =>
      isRefused(call) ? NOTHING : handler.handle(request, call),
  };
}

/**
 * Patroni up to 4.1.0 asks for the members before it logs in. Where guests are let in, which
 * an operator says by a role for them, they are told here what v2 tells everybody.
 */
function isForGuests({ view }: Service["auth"], method: Method): boolean {
  return method === METHODS.cluster.memberList && view.role(GUEST_ROLE) !== undefined;
}

/** What the access asks of rights; undefined: nothing that could be asked here. */
function needsOf(access: ReturnType<typeof accessOf>): ((rights: Rights) => boolean) | undefined {
  switch (access) {
    case "open":
    case "keys":
      return undefined;
    case "user":
      return () => true;
    case "root":
      return ({ isRoot }) => isRoot;
  }
}

const NOTHING: StreamListener = { onDrain: () => {}, onGone: () => {} };

const NO_MESSAGES = { onMessage: () => {}, onHalfClose: () => {} };
