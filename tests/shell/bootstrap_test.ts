/** Who asks to join, how often, and what comes of it. */
import { assertEquals, assertRejects } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import {
  bootstrap,
  type BootstrapOptions,
  JoinError,
  RefusalError,
} from "../../src/member/bootstrap.ts";
import type { Identity } from "../../src/storage/storage.ts";

const JOINED: Identity = { memberId: 7, clusterId: 5, name: "old", initial: undefined };

/** What becomes of a directory that holds `identity`, whose member asks two addresses to join. */
async function started(identity: Identity | undefined, changed: Partial<BootstrapOptions>) {
  const asked: string[] = [];
  const written: Identity[] = [];
  const found = await bootstrap({
    identity,
    knowsMembers: false,
    name: "new",
    peerUrls: ["http://127.0.0.1:7001"],
    clientUrls: ["http://127.0.0.1:4001"],
    session: 3,
    addresses: ["a", "b"],
    flag: "-C",
    places: [],
    attempts: 2,
    retryMs: 1,
    random: () => 0.5,
    logger: silentLogger,
    writeIdentity: (made) => void written.push(made),
    sleep: () => Promise.resolve(),
    ...changed,
    requestJoin: (address, member) => {
      asked.push(`${member.name} ${member.id} at ${address}`);
      return (changed.requestJoin ?? welcome)(address, member);
    },
  });
  return { found, asked, written };
}

const welcome: BootstrapOptions["requestJoin"] = (_, { id }) =>
  Promise.resolve({ clusterId: 5, memberId: id });
const silence = () => Promise.reject(new Error("Nothing listens"));
const refusal = () => Promise.reject(new RefusalError("was removed"));

Deno.test("bootstrap() asks nobody when the directory knows members, or no addresses are given", async () => {
  for (const changed of [{ knowsMembers: true }, { addresses: [] }]) {
    assertEquals(await started(JOINED, changed), { found: JOINED, asked: [], written: [] });
  }
});

Deno.test("bootstrap() asks again as the same member until the directory knows one", async () => {
  const { found, asked, written } = await started(JOINED, {});
  assertEquals([found, asked, written], [JOINED, ["old 7 at a"], [JOINED]]);
});

Deno.test("bootstrap() goes on when it has joined before and nobody answers now", async () => {
  const { found, asked } = await started(JOINED, { requestJoin: silence });
  assertEquals([found, asked.length], [JOINED, 4]);
});

Deno.test("bootstrap() gives up when nobody lets it in", async () => {
  await assertRejects(() => started(JOINED, { requestJoin: refusal }), JoinError, "was removed");
  await assertRejects(() => started(undefined, { requestJoin: silence }), JoinError, "Nothing");
});

Deno.test("bootstrap() runs under the id of the place that it was given, and asks for it under its own", async () => {
  const requestJoin = () => Promise.resolve({ clusterId: 5, memberId: 8 });
  const { found, written, asked } = await started(undefined, { requestJoin });
  const [asking, joined] = written;
  assertEquals([asking?.clusterId, joined], [0, found]);
  assertEquals([found.memberId, found.clusterId], [8, 5]);
  assertEquals(asked, [`new ${asking!.memberId} at a`]);
  // The answer was lost: it asks under the same id again.
  const again = await started(asking, { requestJoin });
  assertEquals([again.found, again.asked], [found, asked]);
});

Deno.test("bootstrap() gives a directory that has joined no other member", async () => {
  const requestJoin = () => Promise.resolve({ clusterId: 5, memberId: 8 });
  await assertRejects(() => started(JOINED, { requestJoin }), JoinError, "no longer");
});

Deno.test("bootstrap() leaves itself out, however its address is spelled", async () => {
  const requestJoin: BootstrapOptions["requestJoin"] = (address, member) =>
    address === "a"
      ? Promise.reject(new RefusalError("The node is starting", 3))
      : welcome(address, member);
  const { asked } = await started(undefined, { requestJoin });
  assertEquals(asked.map((each) => each.at(-1)), ["a", "b"]);
});

Deno.test("bootstrap() says that -C names nobody else", async () => {
  const requestJoin = () => Promise.reject(new RefusalError("The node is starting", 3));
  const error = await assertRejects(() => started(undefined, { requestJoin }), JoinError);
  assertEquals(
    error.message,
    "Expected another member at -C, found only this node itself at a, b: leave -C out to start a new cluster",
  );
});

const FOUNDING = { promised: { round: 1, proposer: 9 }, accepted: undefined };
const BLANK: Identity = {
  ...{ memberId: 7, clusterId: 0, name: "new", initial: undefined },
  founding: FOUNDING,
};

Deno.test("bootstrap() founds the cluster that was decided, as the incarnation that was chosen", async () => {
  const { found } = await started(BLANK, {
    addresses: [],
    choice: { clusterId: 55, founder: 7, name: "new" },
    places: [["http://127.0.0.1:7002"], ["http://127.0.0.1:7003"]],
  });
  assertEquals([found.clusterId, found.memberId, found.founding], [55, 7, undefined]);
  assertEquals(found.votersAwaited, 2);
  const { members } = found.initial!;
  assertEquals(members.map(({ voter }) => voter), [true, false, false]);
});

Deno.test("bootstrap() is bound by its promises until it has joined, and keeps how many voters it awaits", async () => {
  const joined = { memberId: 7, clusterId: 5, name: "new", initial: undefined, votersAwaited: 2 };
  const first = await started(BLANK, { votersAwaited: 2 });
  assertEquals(first.written, [BLANK, joined]);
  const again = await started(joined, {});
  assertEquals(again.written, [joined]);
});

Deno.test("bootstrap() founds nothing by itself in a directory that is bound by a promise", async () => {
  await assertRejects(
    () => started(BLANK, { addresses: [] }),
    JoinError,
    "name them with --initial-cluster again",
  );
});
