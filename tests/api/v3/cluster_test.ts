/** The Cluster service: members by id, with etcd's texts. */
import { assertEquals } from "@std/assert";
import { wideId } from "../../../src/base/ids.ts";
import type { Draft } from "../../../src/api/v3/messages/table.ts";
import { type Method, type MethodKind, METHODS } from "../../../src/api/v3/methods.ts";
import { member as memberNumber } from "../fake_node.ts";
import { V3Member } from "./harness.ts";

const { memberAdd, memberList, memberPromote, memberRemove, memberUpdate } = METHODS.cluster;

const URL = "http://10.0.0.9:2380";

/** A member of three, with a learner beside them. */
function three(): V3Member {
  const member = new V3Member();
  const learner = { ...memberNumber(4), voter: false, learner: true } as const;
  member.node.members = [memberNumber(1), memberNumber(2), memberNumber(3), learner];
  return member;
}

Deno.test("MemberAdd() answers with the place and all members, and MemberList() has the same", async () => {
  using member = three();
  const { response: added } = await member.call(memberAdd, { peerUrls: [URL] });
  const place = { id: wideId(1001), name: "", peerUrls: [URL], clientUrls: [], isLearner: false };
  assertEquals(added?.member, place);
  assertEquals(added?.members.at(-1), place);
  assertEquals([added?.header?.revision, added?.header?.memberId], [0, wideId(1)]);
  const { response: listed } = await member.call(memberList, {});
  assertEquals(listed?.members, added?.members);
  assertEquals(listed?.members.map(({ isLearner }) => isLearner), [
    false,
    false,
    false,
    true,
    false,
  ]);
});

Deno.test("MemberList() tells a newcomer that will vote by itself from a learner", async () => {
  using member = three();
  member.node.members = [memberNumber(1), { ...memberNumber(2), voter: false }];
  const { response } = await member.call(memberList, {});
  assertEquals(response?.members.map(({ isLearner }) => isLearner), [false, false]);
});

Deno.test("MemberUpdate(), MemberPromote() and MemberRemove() change the member of that id", async () => {
  using member = three();
  const updated = await member.call(memberUpdate, { id: wideId(2), peerUrls: [URL] });
  assertEquals(updated.response?.members[1]?.peerUrls, [URL]);
  const promoted = await member.call(memberPromote, { id: wideId(4) });
  assertEquals(promoted.response?.members.map(({ isLearner }) => isLearner), [
    false,
    false,
    false,
    false,
  ]);
  const removed = await member.call(memberRemove, { id: wideId(2) });
  assertEquals(removed.response?.members.map(({ id }) => id), [wideId(1), wideId(3), wideId(4)]);
  assertEquals(removed.response?.header?.revision, 0);
});

Deno.test("the Cluster service refuses with etcd's codes and texts", async () => {
  using member = three();
  const call = async <T extends object>(
    method: Method<MethodKind, T, object>,
    request: Draft<T>,
  ): Promise<string> => {
    const { code, message } = await member.call(method, request);
    return `${code} ${message}`;
  };
  const notFound = "5 etcdserver: member not found";
  for (const id of [0n, 1n, wideId(123), 2n ** 53n, 2n ** 64n - 1n]) {
    assertEquals(await call(memberRemove, { id }), notFound);
    assertEquals(await call(memberPromote, { id }), notFound);
    assertEquals(await call(memberUpdate, { id, peerUrls: [URL] }), notFound);
  }
  const badUrls = "3 etcdserver: given member URLs are invalid";
  for (const peerUrls of [[], ["nonsense"], ["http://10.0.0.9"], [URL, `${URL}/path`]]) {
    assertEquals(await call(memberAdd, { peerUrls }), badUrls);
    assertEquals(await call(memberUpdate, { id: wideId(2), peerUrls }), badUrls);
  }
  const taken = { peerUrls: ["http://127.0.0.1:7002"] };
  assertEquals(await call(memberAdd, taken), "9 etcdserver: Peer URLs already exists");
  assertEquals(
    await call(memberUpdate, { id: wideId(3), ...taken }),
    "9 etcdserver: Peer URLs already exists",
  );
  assertEquals(
    await call(memberAdd, { peerUrls: [URL], isLearner: true }),
    "9 etcdserver: too many learner members in cluster",
  );
  assertEquals(
    await call(memberPromote, { id: wideId(3) }),
    "9 etcdserver: can only promote a learner member",
  );
  member.node.members = member.node.members.slice(0, 1);
  assertEquals(
    await call(memberRemove, { id: wideId(1) }),
    "9 etcdserver: re-configuration failed due to not enough started members",
  );
});
