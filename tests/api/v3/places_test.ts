/** Of locks and elections: who keeps its place in the queue, and who gives it up. */
import { assertEquals } from "@std/assert";
import { type Method, METHODS } from "../../../src/api/v3/methods.ts";
import type { Barrier, Done, Failure } from "../../../src/node/ports.ts";
import { turns, V3Member } from "./harness.ts";

const { grant } = METHODS.lease;
const { deleteRange, put, range } = METHODS.kv;

interface Entering {
  readonly name: string;
  readonly lease: bigint;
}

/** Both enter a queue and wait. */
const QUEUES: readonly Method<"unary", Entering, object>[] = [
  METHODS.lock.lock as Method<"unary", Entering, object>,
  METHODS.election.campaign as Method<"unary", Entering, object>,
];

/** Asks for the place of `lease` in the queue `q`. */
function enters(member: V3Member, method: Method<"unary", Entering, object>, lease: bigint) {
  const call = member.open(method);
  call.send({ name: "q", lease });
  call.halfClose();
  return call;
}

/** Calls `before` at the read round of this number, from now on; what it returns is what that comes to. */
function atReadRound(
  { node }: V3Member,
  number: number,
  before: () => Failure | undefined,
): void {
  const barrier = node.barrier.bind(node);
  let count = 0;
  node.barrier = (done: Done<Barrier>) => {
    const failure = ++count === number ? before() : undefined;
    if (failure === undefined) barrier(done);
    else done(failure);
  };
}

/** Who is in the queue `q`. */
async function keysOf(member: V3Member): Promise<string[]> {
  const { response } = await member.call(range, { key: "q/", rangeEnd: "q0" });
  return response!.kvs.map(({ key }) => key);
}

const NO_QUORUM: Failure = { ok: false, reason: "noLeader", cause: "the test wants it" };

/** The read round in which who has its turn sees whether its key is still there. */
const LAST_LOOK = 2;

Deno.test("a client that leaves when its turn has come does not hold the lock, nor lead", async () => {
  for (const method of QUEUES) {
    using member = new V3Member();
    await member.call(grant, { id: 7n, ttl: 60 });
    atReadRound(member, LAST_LOOK, () => {
      call.stream.cut();
      return undefined;
    });
    const call = enters(member, method, 7n);
    await turns();
    assertEquals(await keysOf(member), [], method.path);
  }
});

Deno.test("a call that fails when its turn has come leaves no lock held, and nobody who leads", async () => {
  for (const method of QUEUES) {
    using member = new V3Member();
    await member.call(grant, { id: 7n, ttl: 60 });
    atReadRound(member, LAST_LOOK, () => NO_QUORUM);
    const { code } = await enters(member, method, 7n).reply();
    await turns();
    assertEquals([code, await keysOf(member)], [14, []], method.path);
  }
});

Deno.test("who holds a lock, or leads, and asks for it again loses nothing by leaving or failing", async () => {
  for (const method of QUEUES) {
    for (const round of [1, LAST_LOOK]) {
      for (const failure of [undefined, NO_QUORUM]) {
        using member = new V3Member();
        await member.call(grant, { id: 7n, ttl: 60 });
        await enters(member, method, 7n).reply();
        atReadRound(member, round, () => {
          if (failure === undefined) again.stream.cut();
          return failure;
        });
        const again = enters(member, method, 7n);
        await turns();
        assertEquals(again.stream.isClosed, true);
        assertEquals(await keysOf(member), ["q/7"], `${method.path}, round ${round}`);
      }
    }
  }
});

Deno.test("who gives up waiting leaves the queue, though its place was there before it asked", async () => {
  for (const method of QUEUES) {
    using member = new V3Member();
    for (const id of [1n, 2n]) {
      await member.call(grant, { id, ttl: 60 });
      await member.call(put, { key: `q/${id}`, lease: id });
    }
    const call = enters(member, method, 2n);
    await turns();
    call.stream.cut();
    await turns();
    assertEquals(await keysOf(member), ["q/1"], method.path);
  }
});

Deno.test("who gives up waiting takes no later place along, though it is of the same lease", async () => {
  for (const method of QUEUES) {
    using member = new V3Member();
    for (const id of [1n, 2n]) await member.call(grant, { id, ttl: 60 });
    await member.call(put, { key: "q/1", lease: 1n });
    const call = enters(member, method, 2n);
    await turns();
    await member.call(deleteRange, { key: "q/2" });
    enters(member, method, 2n);
    await turns();
    call.stream.cut();
    await turns();
    assertEquals(await keysOf(member), ["q/1", "q/2"], method.path);
  }
});
