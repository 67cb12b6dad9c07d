/** What is refused before a handler sees it, whichever way it came. */
import type { Service } from "../../service/service.ts";
import type { Method } from "./methods.ts";
import { METHODS } from "./methods.ts";
import { failureStatus } from "./refusal.ts";
import { STATUS, type Status } from "./statuses.ts";

/** Why a call of `method` can't be served here; undefined when it can. */
export function admissionProblem(
  { node }: Service,
  method: Method,
  request: object | undefined,
  requiresLeader: boolean,
): Status | undefined {
  if (node.refusal !== undefined) return failureStatus(node.refusal);
  if (node.isLeader()) return undefined;
  if (isLearner(node) && !servesLearner(method, request)) return STATUS.notForLearners;
  return requiresLeader && node.leader() === undefined ? STATUS.noLeader : undefined;
}

/** Whether this member waits to be promoted. A newcomer that catches up counts as the voter that it will be. */
export function isLearner(node: Service["node"]): boolean {
  return node.configuration().members.some(({ id, learner }) =>
    id === node.self && learner === true
  );
}

/** A learner tells what it knows, when nobody asks for more than that. */
function servesLearner(method: Method, request: object | undefined): boolean {
  if (method === METHODS.maintenance.status || method === METHODS.maintenance.snapshot) return true;
  return method === METHODS.kv.range && request !== undefined && "serializable" in request &&
    request.serializable === true;
}
