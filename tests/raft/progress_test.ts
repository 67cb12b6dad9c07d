/** How a leader follows one peer, answer by answer. */
import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { Inflight } from "../../src/raft/inflight.ts";
import { Progress } from "../../src/raft/progress.ts";

/** Of a peer that holds a log up to 5, while the leader's ends at 9. */
function replicating(): Progress {
  const peer = new Progress(2, 10, new Inflight(3, 1000));
  peer.sent(9, 0, 0);
  peer.accepted(5);
  peer.refused(9, 5);
  peer.accepted(5);
  assertEquals([peer.state, peer.match, peer.next], ["replicate", 5, 6]);
  return peer;
}

Deno.test("Progress probes once, and again after a sign of life", () => {
  const peer = new Progress(2, 10, new Inflight(3, 1000));
  assertEquals(peer.wantsAppend(9, 0), true);
  peer.sent(9, 0, 0);
  assertEquals(peer.wantsAppend(9, 0), false);
  peer.resume(9);
  assertEquals(peer.wantsAppend(9, 0), true);
});

Deno.test("Progress goes back to the hint, never above the refused index", () => {
  const peer = new Progress(2, 10, new Inflight(3, 1000));
  assertEquals([peer.refused(9, 3), peer.next], [true, 4]);
  assertEquals([peer.refused(3, 99), peer.next], [true, 3]);
  assertEquals([peer.refused(9, 1), peer.next], [false, 3]);
});

Deno.test("Progress does not take an old answer for one to its probe", () => {
  const peer = replicating();
  peer.sent(6, 10, 0);
  peer.sent(7, 10, 0);
  peer.accepted(7);
  peer.becomeProbe();
  peer.accepted(6);
  assertEquals([peer.state, peer.match, peer.next], ["probe", 7, 8]);
});

Deno.test("Progress runs ahead of the answers while it replicates", () => {
  const peer = replicating();
  peer.sent(7, 10, 0);
  peer.sent(9, 10, 0);
  assertEquals([peer.match, peer.next, peer.inflight.count], [5, 10, 2]);
  peer.accepted(7);
  assertEquals([peer.match, peer.next, peer.inflight.count], [7, 10, 1]);
});

Deno.test("Progress keeps match below next when answers overtake it", () => {
  const peer = replicating();
  peer.sent(7, 10, 0);
  peer.sent(9, 10, 0);
  peer.refused(7, 5);
  peer.accepted(7);
  assertEquals([peer.state, peer.next], ["replicate", 8]);
  peer.accepted(9);
  assertEquals([peer.match, peer.next], [9, 10]);
});

Deno.test("Progress starts over from what is confirmed when a pipelined append is refused", () => {
  const peer = replicating();
  peer.sent(7, 10, 0);
  peer.sent(9, 10, 0);
  assertEquals(peer.refused(5, 0), false);
  assertEquals([peer.refused(7, 6), peer.state, peer.next], [true, "probe", 6]);
  assertEquals(peer.inflight.count, 0);
});

Deno.test("Progress tells of a commit as far as the entries were sent", () => {
  const peer = replicating();
  assertEquals(peer.wantsAppend(5, 5), true);
  peer.sent(5, 0, 8);
  assertEquals(peer.wantsAppend(5, 8), false);
  peer.sent(9, 10, 8);
  assertEquals(peer.wantsAppend(9, 8), false);
  assertEquals(peer.wantsAppend(9, 9), true);
});

Deno.test("Progress tells of a commit again when the telling may be lost", () => {
  const peer = replicating();
  peer.sent(9, 10, 9);
  peer.becomeProbe();
  peer.sent(5, 0, 0);
  peer.accepted(9);
  assertEquals(peer.wantsAppend(9, 9), true);
});

Deno.test("Progress sends nothing while the peer takes a snapshot", () => {
  const peer = replicating();
  peer.becomeSnapshot(8);
  assertEquals([peer.wantsAppend(9, 9), peer.wantsEntries(9)], [false, false]);
  assertThrows(() => peer.sent(9, 10, 9), InvariantError);
  peer.accepted(7);
  assertEquals(peer.state, "snapshot");
  peer.accepted(8);
  assertEquals([peer.state, peer.next], ["replicate", 9]);
});

Deno.test("Inflight is full by messages or by bytes, and frees in order", () => {
  const inflight = new Inflight(3, 100);
  for (let turn = 0; turn < 5; turn++) {
    for (const index of [1, 2, 3]) inflight.add(turn * 3 + index, 10);
    assertEquals([inflight.isFull, inflight.count], [true, 3]);
    inflight.free(turn * 3 + 2);
    assertEquals([inflight.isFull, inflight.count], [false, 1]);
    inflight.free(turn * 3 + 3);
  }
  inflight.add(99, 100);
  assertEquals(inflight.isFull, true);
  assertThrows(() => inflight.add(100, 1), InvariantError);
  inflight.clear();
  assertEquals([inflight.isFull, inflight.count], [false, 0]);
});

Deno.test("Progress counts nothing of what another process of its peer acknowledged", () => {
  const peer = replicating();
  peer.sent(9, 10, 5);
  peer.restarted();
  assertEquals([peer.state, peer.match, peer.next, peer.inflight.count], ["probe", 0, 6, 0]);
  // An answer to what the one before was sent would be above what was asked since.
  assertEquals([peer.refused(5, 3), peer.match, peer.next], [true, 0, 4]);
  peer.sent(3, 0, 0);
  peer.accepted(3);
  assertEquals([peer.state, peer.match, peer.next], ["replicate", 3, 4]);
});
