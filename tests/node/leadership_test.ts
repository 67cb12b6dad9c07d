/** To whom a leader hands over. */
import { assert, assertEquals } from "@std/assert";
import { Leadership } from "../../src/node/leadership.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { MemberId } from "../../src/raft/types.ts";
import { leading, member } from "./leading.ts";

/** Member 1 leads 2 and 3, of which 3 has the longer log; and whom it asks to take over. */
function leaderOfThree() {
  const { core } = leading(member(2, true), member(3, true));
  const asked: MemberId[] = [];
  const ticksSinceHeard = new Map<MemberId, number>();
  const fake = {
    ...core,
    isTransferring: false,
    progress: () =>
      core.progress().map((peer) => ({
        ...peer,
        match: peer.id,
        ticksSinceHeard: ticksSinceHeard.get(peer.id) ?? 0,
      })),
    transferLeadership: (id: MemberId) => {
      asked.push(id);
      fake.isTransferring = true;
      return true;
    },
  };
  const leadership = new Leadership(fake as Partial<RaftCore> as RaftCore, 2, () => {});
  /** The heir did not take over in time. */
  const fail = () => fake.isTransferring = false;
  return { leadership, asked, fail, ticksSinceHeard };
}

Deno.test("handOver() asks the member with the longest log", () => {
  const { leadership, asked } = leaderOfThree();
  assert(leadership.handOver());
  assertEquals(asked, [3]);
});

Deno.test("handOverElsewhere() asks each of the others once, one after the other", () => {
  const { leadership, asked, fail } = leaderOfThree();
  leadership.handOver();
  leadership.handOverElsewhere();
  assertEquals(asked, [3], "while one is asked it has its time");
  for (let i = 0; i < 3; i++) {
    fail();
    leadership.handOverElsewhere();
  }
  assertEquals(asked, [3, 2]);
});

Deno.test("handOver() asks everybody anew", () => {
  const { leadership, asked, fail } = leaderOfThree();
  for (let i = 0; i < 2; i++) {
    leadership.handOver();
    fail();
  }
  assertEquals(asked, [3, 3]);
});

Deno.test("handOver() leaves out who is silent, and says when nobody is left", () => {
  const { leadership, asked, fail, ticksSinceHeard } = leaderOfThree();
  ticksSinceHeard.set(3, 100);
  assert(leadership.handOver());
  fail();
  ticksSinceHeard.set(2, 100);
  assertEquals(leadership.handOver(), false);
  assertEquals(asked, [2]);
});
