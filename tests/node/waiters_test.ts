import { assertEquals } from "@std/assert";
import { NO_LEADER, NOT_COMMITTED, STOPPING } from "../../src/node/failures.ts";
import { type Waiter, Waiters } from "../../src/node/waiters.ts";

/** Three may wait; `add` says what each does when it has been told. */
function list() {
  const heard: string[] = [];
  const waiters = new Waiters<string, Waiter<string> & { readonly isSent: boolean }>({
    max: 3,
    late: NO_LEADER,
    failureOf: ({ isSent }, failure) => isSent ? NOT_COMMITTED : failure,
  });
  const add = (name: string, deadlineTick: number, then = () => {}, isSent = false) =>
    waiters.add({
      deadlineTick,
      isSent,
      done: (outcome) => {
        heard.push(`${name} ${outcome.ok ? outcome.value : outcome.reason}`);
        then();
      },
    });
  return { waiters, heard, add };
}

Deno.test("Waiters.end() tells a waiter once", () => {
  const { waiters, heard, add } = list();
  const id = add("a", 10, () => waiters.end(id, { ok: true, value: "again" }));
  waiters.end(id, { ok: true, value: "told" });
  waiters.expire(10);
  assertEquals(heard, ["a told"]);
  assertEquals(waiters.size, 0);
});

Deno.test("Waiters.expire() ends those whose time is over, and who comes meanwhile waits", () => {
  const { waiters, heard, add } = list();
  add("a", 10, () => add("next", 20));
  add("b", 11);
  add("c", 10, undefined, true);
  waiters.expire(10);
  assertEquals(heard, ["a noLeader", "c unknown"]);
  waiters.expire(20);
  assertEquals(heard.slice(2), ["b noLeader", "next noLeader"]);
});

Deno.test("Waiters.close() ends each once, and who comes meanwhile or later, too", () => {
  const { waiters, heard, add } = list();
  add("a", 10, () => {
    add("next", 20);
    waiters.close(STOPPING);
  });
  add("b", 10);
  add("c", 10, undefined, true);
  waiters.close(STOPPING);
  assertEquals(add("late", 20), 0);
  assertEquals(heard.toSorted(), [
    "a stopping",
    "b stopping",
    "c unknown",
    "late stopping",
    "next stopping",
  ]);
  assertEquals(waiters.size, 0);
});

Deno.test("Waiters.add() refuses when too many wait", () => {
  const { waiters, heard, add } = list();
  const ids = ["a", "b", "c", "d"].map((name) => add(name, 10));
  assertEquals(heard, ["d overloaded"]);
  waiters.take(ids[1]!);
  assertEquals(add("e", 12) > ids[2]!, true);
  assertEquals(waiters.deadlineOf(ids), 10);
  assertEquals(waiters.deadlineOf(ids.slice(1, 2)), 0);
});

Deno.test("Waiters keeps who waits long among any number that come and go", () => {
  const heard: number[] = [];
  const waiters = new Waiters<number>({ max: 3, late: NO_LEADER });
  const add = (name: number) => waiters.add({ deadlineTick: 10, done: () => heard.push(name) });
  add(0);
  for (let name = 1; name <= 1000; name++) waiters.end(add(name), { ok: true, value: 0 });
  assertEquals([heard.length, waiters.size], [1000, 1]);
  const last = add(1001);
  assertEquals(Array.from(waiters, ([id]) => id), [1, last], "in the order in which they came");
  waiters.expire(10);
  assertEquals([...heard.slice(1000), waiters.size], [0, 1001, 0]);
  assertEquals(Array.from(waiters), []);
});
