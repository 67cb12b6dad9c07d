/** The heap that watches of future events wait in. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { type HeapMember, IndexedHeap, OUTSIDE } from "../../src/store/indexed_heap.ts";
import { random } from "./log.ts";

class Member implements HeapMember {
  heapPosition = OUTSIDE;
  constructor(readonly rank: number) {}
}

function heap(): IndexedHeap<Member> {
  return new IndexedHeap((a, b) => a.rank < b.rank);
}

Deno.test("pop() gives the members in order whichever came and left before", () => {
  const next = random(1);
  const members = heap();
  let inside: Member[] = [];
  for (let step = 0; step < 5000; step++) {
    if (next() < 0.6) {
      const member = new Member(Math.floor(next() * 1000));
      members.add(member);
      inside.push(member);
    } else if (inside.length > 0) {
      const [member] = inside.splice(Math.floor(next() * inside.length), 1);
      members.remove(member!);
      assertEquals(member!.heapPosition, OUTSIDE);
    }
    assertEquals(members.size, inside.length);
    assertEquals(members.peek()?.rank, inside.reduce(smaller, undefined));
  }
  assertEquals([...members.values()].length, inside.length);
  inside = inside.toSorted((a, b) => a.rank - b.rank);
  for (const { rank } of inside) assertEquals(members.pop()?.rank, rank);
  assertEquals(members.pop(), undefined);
});

function smaller(rank: number | undefined, member: Member): number {
  return rank === undefined || member.rank < rank ? member.rank : rank;
}

Deno.test("add() and remove() refuse a member that is not where it should be", () => {
  const members = heap();
  const member = new Member(1);
  assertThrows(() => members.remove(member), InvariantError);
  members.add(member);
  assertThrows(() => members.add(member), InvariantError);
  assert(heap().peek() === undefined);
});
