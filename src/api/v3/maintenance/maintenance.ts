/** The Maintenance service: how a member does, alarms, hashes, snapshots, and who leads. */
import { wideId } from "../../../base/ids.ts";
import type { AlarmType } from "../../../store/command/command.ts";
import { COMPATIBLE_VERSION } from "../../../version.ts";
import { isLearner } from "../admission.ts";
import { type Handler, serverStream, unary } from "../call.ts";
import type { V3Context } from "../context.ts";
import { METHODS } from "../methods.ts";
import { failureStatus } from "../refusal.ts";
import { StatusCode } from "../status.ts";
import { STATUS, status } from "../statuses.ts";
import { ANYBODY, readFresh, readHere, write } from "../waist.ts";
import { hashKeys } from "./hash_keys.ts";
import { SnapshotStream } from "./snapshot_stream.ts";

const UNKNOWN_ACTION = status(StatusCode.invalidArgument, "etcdserver: unknown alarm action");
const UNKNOWN_ALARM = status(StatusCode.invalidArgument, "etcdserver: unknown alarm type");

const ALARMS = { noSpace: "NOSPACE", corrupt: "CORRUPT" } as const;
const ALARM_TYPES = { NOSPACE: "noSpace", CORRUPT: "corrupt" } as const;

/** etcd's word for a store whose history begins with its first revision. */
const NEVER_COMPACTED = -1;

/** What answers the Maintenance service. Defragment has nothing to do: memory is reused as it is. */
export function maintenanceHandlers(v3: V3Context): readonly Handler[] {
  return [
    statusHandler(v3),
    alarmHandler(v3),
    ...hashHandlers(v3),
    unary(METHODS.maintenance.defragment, (_, call) => call.answer({})),
    serverStream(METHODS.maintenance.snapshot, (_, call) => new SnapshotStream(v3, call)),
    moveLeaderHandler(v3),
    unary(METHODS.maintenance.downgrade, (_, call) => call.fail(NO_DOWNGRADE)),
  ];
}

function statusHandler({ service, headers }: V3Context): Handler {
  return unary(METHODS.maintenance.status, (_, call) => {
    const { term, leader, commitIndex, appliedIndex } = service.node.status();
    const { sizeBytes } = service.stats();
    call.answer({
      header: headers.now(),
      version: COMPATIBLE_VERSION,
      dbSize: sizeBytes,
      // Nothing lies idle that a defragmentation could give back.
      dbSizeInUse: sizeBytes,
      leader: wideId(leader),
      raftIndex: commitIndex,
      raftTerm: term,
      raftAppliedIndex: appliedIndex,
      isLearner: isLearner(service.node),
      errors: [
        ...(service.node.leader() === undefined ? [STATUS.noLeader.message] : []),
        ...service.alarms.map(({ alarm, member }) =>
          `${member === 0n ? "" : `memberID:${member} `}alarm:${ALARMS[alarm]} `
        ),
      ],
    });
  });
}

function alarmHandler(v3: V3Context): Handler {
  return unary(METHODS.maintenance.alarm, ({ action, alarm, memberId }, call) => {
    if (typeof alarm === "number") return call.fail(UNKNOWN_ALARM);
    const type = alarm === "NONE" ? undefined : ALARM_TYPES[alarm];
    switch (action) {
      case "GET":
        return readFresh(v3, call, ANYBODY, () => call.answer({ alarms: alarmsOf(v3, type) }));
      case "ACTIVATE":
      case "DEACTIVATE": {
        if (type === undefined) return call.answer({});
        const isActive = action === "ACTIVATE";
        const change = isActive ? "activate" : "deactivate";
        const command = { type: "alarm", action: change, alarm: type, member: memberId } as const;
        return write(v3, call, command, ({ changed }) => {
          const isTold = changed || isActive;
          call.answer({ alarms: isTold ? [{ memberId, alarm: ALARMS[type] }] : [] });
        });
      }
      default:
        return call.fail(UNKNOWN_ACTION);
    }
  });
}

function alarmsOf({ service }: V3Context, wanted: AlarmType | undefined) {
  return service.alarms
    .filter(({ alarm }) => wanted === undefined || alarm === wanted)
    .map(({ alarm, member }) => ({ memberId: member, alarm: ALARMS[alarm] }));
}

function hashHandlers(v3: V3Context): Handler[] {
  const { headers } = v3;
  return [
    unary(METHODS.maintenance.hash, (_, call) => {
      readHere(v3, call, ANYBODY, (store) => {
        const hash = Number.parseInt(store.digest().slice(-8), 16);
        call.answer({ header: headers.now(), hash: Math.max(hash, 1) });
      });
    }),

    unary(METHODS.maintenance.hashKv, ({ revision }, call) => {
      readHere(v3, call, ANYBODY, (store) => {
        const wanted = revision <= 0 ? store.revision : revision;
        if (wanted > store.revision) return call.fail(STATUS.futureRevision);
        if (wanted < store.compactedRevision) return call.fail(STATUS.compacted);
        const compactRevision = store.compactedRevision || NEVER_COMPACTED;
        hashKeys(v3, call, wanted, (hash) => {
          call.answer({ header: headers.now(), hash, compactRevision, hashRevision: wanted });
        });
      });
    }),
  ];
}

function moveLeaderHandler({ service: { node } }: V3Context): Handler {
  return unary(METHODS.maintenance.moveLeader, ({ targetId }, call) => {
    const target = node.configuration().members.find(({ id }) => wideId(id) === targetId);
    if (!node.isLeader()) return call.fail(STATUS.notLeader);
    if (target === undefined || !target.voter) return call.fail(STATUS.badLeaderTransferee);
    node.moveLeader(target.id, (outcome) => {
      if (outcome.ok) call.answer({});
      else call.fail(failureStatus(outcome));
    });
  });
}

const NO_DOWNGRADE = status(
  StatusCode.unimplemented,
  "etcdserver: a cluster of this program has no older version to go back to",
);
