/** A state that another program has kept: its numbers, its history, and how it goes on. */
import { assertEquals } from "@std/assert";
import { Store } from "../../src/store/store.ts";
import { ForeignState } from "../../src/store/image/foreign.ts";
import type { AuthContent } from "../../src/store/auth/content.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import { type Command, NOBODY } from "../../src/store/command/command.ts";
import type { KeyValue } from "../../src/store/result.ts";

const NO_USERS: AuthContent = {
  ...{ isEnabled: false, revision: 1, secret: new Uint8Array(0) },
  ...{ users: [], roles: [] },
};

const bytes = (text: string) => new TextEncoder().encode(text);

function put(createRevision: number, version: number, value: string, lease = 0n) {
  return { createRevision, version, value: bytes(value), lease };
}

/** What was compacted at 7: "/a/b" of 3, changed at 9 and 10; "c" deleted at 8; "d" deleted at 7 and never seen. */
async function restored(): Promise<Store> {
  const state = new ForeignState(1_000);
  state.grant(5n, 60);
  state.add(6, "/a/b", put(3, 4, "old"));
  state.add(6, "c", put(6, 1, "x"));
  state.add(7, "d", undefined);
  state.add(8, "c", undefined);
  state.add(9, "/a/b", put(3, 5, "new", 5n));
  state.add(10, "/a/b", put(3, 6, "newer", 5n));
  state.add(10, "e", put(10, 1, ""));
  const store = new Store();
  const end = { revision: 12, compactedRevision: 7, appliedIndex: 40, auth: NO_USERS };
  await store.restore(state.finish(end));
  return store;
}

function range(store: Store, revision: number): KeyValue[] | string {
  const found = store.range({
    ...{ type: "range", key: "\0", rangeEnd: "\0", revision, limit: 0 },
    ...{ sortTarget: "key", sortOrder: "none", keysOnly: false, countOnly: false },
    ...{ minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0 },
  });
  return typeof found === "string" ? found : [...found.kvs];
}

/** `key=value create/mod/version` */
function told(found: KeyValue[] | string): string[] | string {
  if (typeof found === "string") return found;
  return found.map(({ key, version: { value, createRevision, modRevision, version } }) =>
    `${key}=${new TextDecoder().decode(value)} ${createRevision}/${modRevision}/${version}`
  );
}

function apply(store: Store, index: number, command: Command): void {
  store.apply(index, encodeCommand(command, NOBODY, 2_000));
}

Deno.test("a foreign state has the keys under the numbers that they had", async () => {
  const store = await restored();
  assertEquals(told(range(store, 0)), ["/a/b=newer 3/10/6", "e= 10/10/1"]);
  assertEquals([store.revision, store.appliedIndex, store.compactedRevision], [12, 40, 7]);
  assertEquals([...store.lease(5n)!.keys], ["/a/b"]);
  assertEquals(store.lease(5n)!.ttlSeconds, 60);
});

Deno.test("a foreign state can be read at every revision from the compaction on", async () => {
  const store = await restored();
  assertEquals(told(range(store, 6)), "compacted");
  assertEquals(told(range(store, 7)), ["/a/b=old 3/6/4", "c=x 6/6/1"]);
  assertEquals(told(range(store, 8)), ["/a/b=old 3/6/4"]);
  assertEquals(told(range(store, 9)), ["/a/b=new 3/9/5"]);
  assertEquals(told(range(store, 13)), "futureRevision");
  // Nor does a watch that begins before it get to know what was there.
  assertEquals(store.watches.clearedOf("range").revision, 6);
});

Deno.test("v1 and v2 see the paths of a foreign state, and the directories above them", async () => {
  const store = await restored();
  const [item] = store.list("/", 2_000);
  assertEquals(item?.key, "/a");
  assertEquals(store.stats().files, 1);
});

Deno.test("a foreign state goes on where it was", async () => {
  const store = await restored();
  apply(store, 41, { type: "leaseRevoke", id: 5n, grantIndex: 0 });
  assertEquals(told(range(store, 0)), ["e= 10/10/1"]);
  assertEquals(store.revision, 13);
  assertEquals(told(range(store, 12)), ["/a/b=newer 3/10/6", "e= 10/10/1"]);
});

Deno.test("the image of a foreign state is that of one that has come to be here", async () => {
  const store = await restored();
  const again = new Store();
  assertEquals(await again.restore(store.snapshot()), store.digest());
});
