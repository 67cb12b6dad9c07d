/** When the leader makes a learner a voter (thesis §4.2.1). */
import { assertEquals } from "@std/assert";
import { leading, member } from "./leading.ts";

/** Member 1 with the learner 2, whose log ends at `match` while `commitIndex` is committed. */
function leaderWithLearner() {
  const { core, proposed, heartbeat: pass } = leading(member(2, false));
  const heartbeat = (commitIndex: number, match: number) => {
    Object.assign(core, { commitIndex, match });
    pass();
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
