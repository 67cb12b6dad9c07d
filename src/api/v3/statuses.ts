/**
 * How a call of v3 ends when it has no response: a code of gRPC and a text. Clients
 * compare the texts, so both are part of the API (etcd's `rpctypes/error.go`).
 */
import { StatusCode as Code, statusName } from "./status.ts";

/** `code` is not `ok`. */
export interface Status {
  readonly code: Code;
  readonly message: string;
}

/** A status with a text of its own. */
export function status(code: Code, message: string): Status {
  return { code, message };
}

/** As gRPC for Go prints it; a watch that is refused quotes it. */
export function printStatus({ code, message }: Status): string {
  return `rpc error: code = ${statusName(code)} desc = ${message}`;
}

/** The gateway's HTTP status (grpc-gateway's, with 412 for a failed precondition as before 3.5). */
export function httpStatusOf(code: Code): number {
  switch (code) {
    case Code.ok:
      return 200;
    case Code.invalidArgument:
    case Code.outOfRange:
      return 400;
    case Code.unauthenticated:
      return 401;
    case Code.permissionDenied:
      return 403;
    case Code.notFound:
      return 404;
    case Code.canceled:
      return 408;
    case Code.alreadyExists:
    case Code.aborted:
      return 409;
    case Code.failedPrecondition:
      return 412;
    case Code.resourceExhausted:
      return 429;
    case Code.unimplemented:
      return 501;
    case Code.unavailable:
      return 503;
    case Code.deadlineExceeded:
      return 504;
    case Code.unknown:
    case Code.internal:
    case Code.dataLoss:
      return 500;
  }
}

const etcd = (code: Code, text: string): Status => status(code, `etcdserver: ${text}`);

/** Every refusal in etcd's words. */
export const STATUS = {
  emptyKey: etcd(Code.invalidArgument, "key is not provided"),
  keyNotFound: etcd(Code.invalidArgument, "key not found"),
  valueProvided: etcd(Code.invalidArgument, "value is provided"),
  leaseProvided: etcd(Code.invalidArgument, "lease is provided"),
  tooManyOperations: etcd(Code.invalidArgument, "too many operations in txn request"),
  duplicateKey: etcd(Code.invalidArgument, "duplicate key given in txn request"),
  requestTooLarge: etcd(Code.invalidArgument, "request is too large"),
  invalidSortOption: etcd(Code.invalidArgument, "invalid sort option"),
  badMemberUrls: etcd(Code.invalidArgument, "given member URLs are invalid"),
  userNameEmpty: etcd(Code.invalidArgument, "user name is empty"),
  roleNameEmpty: etcd(Code.invalidArgument, "role name is empty"),
  permissionNotGiven: etcd(Code.invalidArgument, "permission not given"),
  authenticationFailed: etcd(
    Code.invalidArgument,
    "authentication failed, invalid user ID or password",
  ),
  invalidAuthManagement: etcd(Code.invalidArgument, "invalid auth management"),
  authIsOld: etcd(Code.invalidArgument, "revision of auth store is old"),

  leaseNotFound: etcd(Code.notFound, "requested lease not found"),
  memberNotFound: etcd(Code.notFound, "member not found"),

  permissionDenied: etcd(Code.permissionDenied, "permission denied"),

  noSpace: etcd(Code.resourceExhausted, "mvcc: database space exceeded"),
  tooManyRequests: etcd(Code.resourceExhausted, "too many requests"),

  leaseExists: etcd(Code.failedPrecondition, "lease already exists"),
  memberExists: etcd(Code.failedPrecondition, "member ID already exist"),
  peerUrlExists: etcd(Code.failedPrecondition, "Peer URLs already exists"),
  notEnoughStarted: etcd(
    Code.failedPrecondition,
    "re-configuration failed due to not enough started members",
  ),
  notALearner: etcd(Code.failedPrecondition, "can only promote a learner member"),
  learnerNotReady: etcd(
    Code.failedPrecondition,
    "can only promote a learner member which is in sync with leader",
  ),
  /** etcd has no such limit. */
  tooManyMembers: etcd(Code.failedPrecondition, "too many members in cluster"),
  tooManyLearners: etcd(Code.failedPrecondition, "too many learner members in cluster"),
  rootUserMissing: etcd(Code.failedPrecondition, "root user does not exist"),
  rootRoleMissing: etcd(Code.failedPrecondition, "root user does not have root role"),
  userExists: etcd(Code.failedPrecondition, "user name already exists"),
  userNotFound: etcd(Code.failedPrecondition, "user name not found"),
  roleExists: etcd(Code.failedPrecondition, "role name already exists"),
  roleNotFound: etcd(Code.failedPrecondition, "role name not found"),
  roleNotGranted: etcd(Code.failedPrecondition, "role is not granted to the user"),
  permissionNotGranted: etcd(Code.failedPrecondition, "permission is not granted to the role"),
  authNotEnabled: etcd(Code.failedPrecondition, "authentication is not enabled"),
  notLeader: etcd(Code.failedPrecondition, "not leader"),
  badLeaderTransferee: etcd(Code.failedPrecondition, "bad leader transferee"),

  compacted: etcd(Code.outOfRange, "mvcc: required revision has been compacted"),
  futureRevision: etcd(Code.outOfRange, "mvcc: required revision is a future revision"),
  leaseTtlTooLarge: etcd(Code.outOfRange, "too large lease TTL"),

  noLeader: etcd(Code.unavailable, "no leader"),
  leaderChanged: etcd(Code.unavailable, "leader changed"),
  stopped: etcd(Code.unavailable, "server stopped"),
  timedOut: etcd(Code.unavailable, "request timed out"),
  unhealthy: etcd(Code.unavailable, "unhealthy cluster"),
  /** Of this member, not of the cluster: clients turn to another one, as with all that is unavailable. */
  servesNobody: etcd(Code.unavailable, "member serves nobody any longer"),
  notForLearners: etcd(Code.unavailable, "rpc not supported for learner"),

  corrupt: etcd(Code.dataLoss, "corrupt cluster"),

  invalidAuthToken: etcd(Code.unauthenticated, "invalid auth token"),
} as const satisfies Readonly<Record<string, Status>>;
