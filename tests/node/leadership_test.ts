/** To whom a leader hands over. */
import { assert, assertEquals } from "@std/assert";
import { Leadership } from "../../src/node/membership/leadership.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { MemberId } from "../../src/raft/types.ts";
import { leading, member } from "./leading.ts";

/** Member 1 leads 2, 3 and 4, of which the last has the longest log; and whom it asks to take over. */
function leaderOfFour() {
  const { core } = leading(member(2, true), member(3, true), member(4, true));
  const asked: MemberId[] = [];
  const silent = new Set<MemberId>();
  const fake = {
    ...core,
    isTransferring: false,
    hasAnswered: true,
    progress: () =>
      core.progress().map((peer) => ({
        ...peer,
        match: 10 * peer.id,
        ticksSinceHeard: silent.has(peer.id) ? 100 : 0,
        hasAnswered: fake.hasAnswered,
      })),
    transferLeadership: (id: MemberId) => {
      asked.push(id);
      fake.isTransferring = true;
      return true;
    },
  };
  const limits = { heartbeatTicks: 2, waitingMax: 2 };
  const leadership = new Leadership(fake as Partial<RaftCore> as RaftCore, limits, () => {});
  /** The heir did not take over in time. */
  const fail = () => fake.isTransferring = false;
  return { fake, leadership, asked, fail, silent };
}

Deno.test("handOver() asks the member with the longest log that is heard", () => {
  const { leadership, asked, fail, silent } = leaderOfFour();
  assert(leadership.handOver());
  fail();
  silent.add(4);
  assert(leadership.handOver());
  assertEquals(asked, [4, 3]);
});

Deno.test("handOver() says when nobody has been heard", () => {
  const { fake, leadership, asked } = leaderOfFour();
  fake.hasAnswered = false;
  assertEquals(leadership.handOver(), false);
  assertEquals(asked, []);
});

Deno.test("handOverFor() asks the members that have the entry in turn", () => {
  const { leadership, asked, fail } = leaderOfFour();
  leadership.handOverFor(15);
  leadership.handOverFor(15);
  assertEquals(asked, [4], "while one is asked it has its time");
  for (let i = 0; i < 4; i++) {
    fail();
    leadership.handOverFor(15);
  }
  assertEquals(asked, [4, 3, 2, 4, 3]);
});

Deno.test("handOverFor() asks nobody when too few of the others have the entry, or are heard", () => {
  const { leadership, asked, silent } = leaderOfFour();
  leadership.handOverFor(25);
  silent.add(2);
  leadership.handOverFor(15);
  assertEquals(asked, [], "three of four voters are needed, and this one can't vote");
});
