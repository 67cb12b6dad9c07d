/** `/debug/vars`: what etcd's has, as far as it is not about Go. */
import { formatId } from "../../base/ids.ts";
import type { Route } from "../../http/router.ts";
import type { Reading } from "../reading.ts";

/** The path and what answers there. */
export function variablesRoute(read: () => Reading): Route {
  const get = () => ({
    status: 200,
    contentType: "application/json; charset=utf-8",
    body: JSON.stringify(variablesOf(read())),
  });
  return { path: "/debug/vars", methods: { GET: get } };
}

const ROLES = {
  follower: "StateFollower",
  learner: "StateFollower",
  preCandidate: "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
} as const;

const PROGRESS = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
} as const;

function variablesOf({ id, status, process }: Reading) {
  const { term, leader, commitIndex, appliedIndex, lastIndex, role, followers } = status;
  const own = [id, { match: lastIndex, next: lastIndex + 1, state: PROGRESS.replicate }] as const;
  const others = followers.map(({ id, matchIndex, state }) =>
    [formatId(id), { match: matchIndex, next: matchIndex + 1, state: PROGRESS[state] }] as const
  );
  return {
    memstats: {
      Sys: process.residentBytes,
      HeapSys: process.heapBytes,
      HeapAlloc: process.heapUsedBytes,
    },
    "raft.status": {
      id,
      term,
      commit: commitIndex,
      lead: leader === 0 ? "0" : formatId(leader),
      raftState: ROLES[role],
      applied: appliedIndex,
      progress: role === "leader" ? Object.fromEntries([own, ...others]) : {},
    },
  };
}
