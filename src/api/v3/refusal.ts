/** Why a command was rejected or a request failed, as a status of v3: the one table for both. */
import type { Failure, FailureReason, MemberRefusal } from "../../node/ports.ts";
import type { RejectionReason } from "../../store/result.ts";
import { StatusCode } from "./status.ts";
import { STATUS, type Status, status } from "./statuses.ts";

/** What the store said of a command that it refused. */
export function rejectionStatus(reason: RejectionReason): Status {
  switch (reason) {
    case "keyNotFound":
      return STATUS.keyNotFound;
    case "leaseNotFound":
      return STATUS.leaseNotFound;
    case "leaseExists":
      return STATUS.leaseExists;
    case "compacted":
      return STATUS.compacted;
    case "futureRevision":
      return STATUS.futureRevision;
    case "noSpace":
      return STATUS.noSpace;
    case "corrupt":
      return STATUS.corrupt;
    case "permissionDenied":
      return STATUS.permissionDenied;
    case "authIsOld":
      return STATUS.authIsOld;
    case "invalidToken":
      return STATUS.invalidAuthToken;
    case "authenticationFailed":
      return STATUS.authenticationFailed;
    case "tooManyLogins":
      return STATUS.tooManyRequests;
    case "userNameEmpty":
      return STATUS.userNameEmpty;
    case "userExists":
      return STATUS.userExists;
    case "userNotFound":
      return STATUS.userNotFound;
    case "roleNameEmpty":
      return STATUS.roleNameEmpty;
    case "roleExists":
      return STATUS.roleExists;
    case "roleNotFound":
      return STATUS.roleNotFound;
    case "roleNotGranted":
      return STATUS.roleNotGranted;
    case "permissionNotGranted":
      return STATUS.permissionNotGranted;
    case "permissionNotGiven":
      return STATUS.permissionNotGiven;
    case "rootUserMissing":
      return STATUS.rootUserMissing;
    case "rootRoleMissing":
      return STATUS.rootRoleMissing;
    case "invalidAuthManagement":
      return STATUS.invalidAuthManagement;
    case "authNotEnabled":
      return STATUS.authNotEnabled;
    // Conditions of v1's and v2's commands, which v3 never sends.
    case "testFailed":
    case "notAFile":
    case "notADirectory":
    case "keyExists":
    case "rootIsReadOnly":
    case "directoryNotEmpty":
    case "authEnabled":
      return status(StatusCode.unknown, `the command was rejected: ${reason}`);
  }
}

/** Why there is no result; the text says to a client whether it may try again. */
export function failureStatus(failure: Failure): Status {
  return failure.refusal === undefined
    ? reasonStatus(failure.reason)
    : memberRefusalStatus(failure.refusal);
}

/** Why the members stay as they are. */
function memberRefusalStatus(refusal: MemberRefusal): Status {
  switch (refusal) {
    case "memberNotFound":
    case "memberRemoved":
      return STATUS.memberNotFound;
    case "memberExists":
      return STATUS.memberExists;
    case "peerUrlExists":
      return STATUS.peerUrlExists;
    case "notEnoughStarted":
      return STATUS.notEnoughStarted;
    case "unhealthy":
      return STATUS.unhealthy;
    case "notALearner":
      return STATUS.notALearner;
    case "learnerNotReady":
      return STATUS.learnerNotReady;
    case "tooManyLearners":
      return STATUS.tooManyLearners;
  }
}

function reasonStatus(reason: FailureReason): Status {
  switch (reason) {
    case "notLeader":
    case "superseded":
      return STATUS.leaderChanged;
    case "unknown":
      return STATUS.timedOut;
    case "noLeader":
      return STATUS.noLeader;
    case "overloaded":
      return STATUS.tooManyRequests;
    case "diskFull":
      return STATUS.noSpace;
    case "diverged":
      return STATUS.servesNobody;
    case "stopping":
      return STATUS.stopped;
    case "refused":
      return STATUS.unhealthy;
    case "full":
      return STATUS.tooManyMembers;
  }
}
