/** Which expiries are proposed, and when again. */
import { assertEquals } from "@std/assert";
import { Expiry } from "../../src/node/expiry.ts";
import type { StateMachine } from "../../src/node/ports.ts";

/** Over a state machine with one key, which is due at 100. */
function expiring() {
  const state = { deadlineMs: 100, term: 1, isFull: false };
  const ends: (() => void)[] = [];
  const machine: Partial<StateMachine<void>> = {
    timeMs: 7,
    nextDeadlineMs: () => state.deadlineMs,
    due: (nowMs) => nowMs >= state.deadlineMs ? [new Uint8Array(1)] : [],
  };
  const expiry = new Expiry<void>({
    machine: machine as StateMachine<void>,
    propose: (_, done) => ends.push(() => done({ ok: true, value: undefined })),
    batchMax: 10,
    term: () => state.term,
    isFull: () => state.isFull,
  });
  return { expiry, state, ends };
}

Deno.test("Expiry.run() proposes what is due once, until its end is told", () => {
  const { expiry, ends } = expiring();
  assertEquals([expiry.run(99), ends.length], [false, 0]);
  for (let i = 0; i < 2; i++) assertEquals([expiry.run(100), ends.length], [true, 1]);
  ends[0]!();
  assertEquals([expiry.run(100), ends.length], [true, 2]);
});

Deno.test("Expiry.run() proposes again in another term, whatever becomes of what it did before", () => {
  const { expiry, state, ends } = expiring();
  expiry.run(100);
  state.term = 3;
  expiry.run(100);
  assertEquals(ends.length, 2);
  ends[0]!();
  expiry.run(100);
  assertEquals(ends.length, 2, "the end of an old one says nothing of the new one");
});

Deno.test("Expiry.judge() lets readers wait for an expiry, unless there can be none", () => {
  const { expiry, state, ends } = expiring();
  assertEquals(expiry.judge(99), 99);
  assertEquals(expiry.judge(150), undefined);
  state.isFull = true;
  ends[0]!();
  assertEquals([expiry.judge(150), ends.length], [99, 1]);
});

Deno.test("Expiry.judgeNow() asks for the time where something ends", () => {
  const { expiry, state } = expiring();
  let asked = 0;
  const nowMs = () => {
    asked++;
    return 150;
  };
  assertEquals([expiry.judgeNow(nowMs), asked], [undefined, 1]);
  state.deadlineMs = Infinity;
  assertEquals([expiry.judgeNow(nowMs), asked], [7, 1]);
});
