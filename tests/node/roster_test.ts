import { assertEquals } from "@std/assert";
import { Roster } from "../../src/node/membership/roster.ts";
import type { Configuration, Member } from "../../src/raft/types.ts";

function member(id: number): Member {
  return {
    id,
    name: `n${id}`,
    peerUrls: [`http://n${id}`],
    clientUrls: [`http://c${id}`],
    voter: true,
  };
}

function configuration(ids: readonly number[], removed: readonly number[] = []): Configuration {
  return { members: ids.map(member), removed };
}

/** Node 1 of a cluster; `said` is what happened, newest last. */
function roster(first: Configuration) {
  const core = { id: 1, appliedIndex: 5, configuration: first, committedConfiguration: first };
  const said: string[] = [];
  const tested = new Roster({
    core,
    lingerTicks: 10,
    onMembers: (members) => said.push(`reach ${members.map(({ id }) => id).join()}`),
    tellRemoved: (id) => said.push(`tell ${id}`),
    onRemoved: () => said.push("removed"),
  });
  const append = (next: Configuration, tick: number) => {
    core.configuration = next;
    tested.note(tick);
  };
  const apply = () => {
    core.committedConfiguration = core.configuration;
    tested.applied();
  };
  return { core, tested, said, append, apply };
}

Deno.test("Roster.note() reaches a newcomer before its entry is committed", () => {
  const { tested, said, append } = roster(configuration([1, 2]));
  append(configuration([1, 2, 3]), 0);
  append(configuration([1, 2, 3]), 1);
  assertEquals(said, ["reach 1,2", "reach 1,2,3", "reach 1,2,3"]);
  assertEquals([tested.has(3), tested.configuration.members.length], [true, 2]);
});

Deno.test("Roster.applied() tells a member that it was removed and reaches it a while longer", () => {
  const { tested, said, append, apply } = roster(configuration([1, 2, 3]));
  append(configuration([1, 2], [3]), 100);
  assertEquals([tested.has(3), tested.isRemoved(3)], [false, false]);
  apply();
  assertEquals(tested.isRemoved(3), true);
  tested.expire(109);
  assertEquals(said.splice(0), ["reach 1,2,3", "reach 1,2,3", "reach 1,2,3", "tell 3"]);
  tested.expire(110);
  tested.expire(111);
  assertEquals(said, ["reach 1,2"]);
});

Deno.test("Roster.note() reaches a member once when its removal is undone", () => {
  const { tested, said, append } = roster(configuration([1, 2, 3]));
  append(configuration([1, 2], [3]), 100);
  append(configuration([1, 2, 3]), 101);
  tested.expire(200);
  assertEquals(said, ["reach 1,2,3", "reach 1,2,3", "reach 1,2,3", "reach 1,2,3"]);
});

Deno.test("Roster.applied() says when this node is no longer a member", () => {
  const { said, append, apply } = roster(configuration([1, 2]));
  append(configuration([2], [1]), 0);
  apply();
  assertEquals(said.at(-1), "removed");
});

Deno.test("Roster.onceRegistered() waits for this node's own record", () => {
  const { tested, said, append, apply } = roster(configuration([2]));
  tested.onceRegistered(() => said.push("registered"));
  append(configuration([2, 1]), 0);
  assertEquals(said.includes("registered"), false);
  apply();
  apply();
  assertEquals(said.filter((what) => what === "registered").length, 1);
  tested.onceRegistered(() => said.push("at once"));
  assertEquals(said.at(-1), "at once");
});
