/** When the leader makes a learner a voter (thesis §4.2.1). */
import { assertEquals } from "@std/assert";
import { CallService } from "../../src/node/call_service.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { PeerProgress } from "../../src/raft/options.ts";
import type { Configuration, Role } from "../../src/raft/types.ts";

const HEARTBEAT_TICKS = 2;

function member(id: number, voter: boolean) {
  return {
    id,
    name: `n${id}`,
    peerUrl: `http://n${id}:7001`,
    clientUrl: `http://n${id}:4001`,
    voter,
  };
}

/** Member 1 with the learner 2, whose log ends at `match` while `commitIndex` is committed. */
function leaderWithLearner() {
  const configuration = { members: [member(1, true), member(2, false)], removed: [] };
  const proposed: Configuration[] = [];
  const core = {
    id: 1,
    role: "leader" as Role,
    leader: 1,
    commitIndex: 0,
    appliedIndex: 1,
    configurationIndex: 1,
    configuration,
    committedConfiguration: configuration,
    match: 0,
    state: "replicate" as PeerProgress["state"],
    progress: () => [
      {
        id: 2,
        match: core.match,
        next: core.match + 1,
        state: core.state,
        recentActive: true,
        ticksSinceHeard: 0,
      },
    ],
    proposeConfiguration: (next: Configuration) => {
      proposed.push(next);
      return { ok: true, index: 2 };
    },
  };
  const nothing = () => {};
  const service = new CallService({
    core: core as Partial<RaftCore> as RaftCore,
    limits: {
      requestTicks: 50,
      electionTicks: 10,
      heartbeatTicks: HEARTBEAT_TICKS,
      waitingMax: 10,
      membersMax: 9,
    },
    session: 1,
    clusterId: 1,
    announced: member(1, true),
    send: () => true,
    leaderId: () => core.leader,
    schedule: nothing,
    announceCommit: nothing,
    now: () => 0,
    barrier: nothing,
    handleRequest: nothing,
    handOver: () => false,
  });
  let tick = 0;
  const heartbeat = (commitIndex: number, match: number) => {
    Object.assign(core, { commitIndex, match });
    for (let i = 0; i < HEARTBEAT_TICKS; i++) service.tick(++tick);
    service.run();
    return proposed.length;
  };
  return { core, heartbeat, proposed };
}

Deno.test("callService() promotes a learner that is as far as the others were a heartbeat ago", () => {
  const { heartbeat, proposed } = leaderWithLearner();
  assertEquals(heartbeat(1000, 0), 0);
  assertEquals(heartbeat(2000, 900), 0);
  // Under load a slower disk is always a batch behind, and yet it keeps up.
  assertEquals(heartbeat(3000, 2900), 1);
  assertEquals(proposed[0]?.members.map(({ voter }) => voter), [true, true]);
});

Deno.test("callService() promotes no learner that falls behind", () => {
  const { heartbeat } = leaderWithLearner();
  for (let beat = 1; beat < 20; beat++) assertEquals(heartbeat(beat * 1000, beat * 400), 0);
});

Deno.test("callService() promotes no learner by what was committed under another leader", () => {
  const { core, heartbeat } = leaderWithLearner();
  core.role = "follower";
  heartbeat(10, 0);
  core.role = "leader";
  assertEquals(heartbeat(1000, 10), 0);
  assertEquals(heartbeat(2000, 1000), 1);
});

Deno.test("callService() promotes no learner that waits for a snapshot", () => {
  const { core, heartbeat } = leaderWithLearner();
  core.state = "snapshot";
  for (let beat = 1; beat < 5; beat++) assertEquals(heartbeat(1000, 1000), 0);
});
