/** What members say to each other about requests that are passed on, and who judges them. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { FailureReason, Outcome } from "../../src/node/ports.ts";
import {
  type Answer,
  AnswerError,
  decodeOutcome,
  encodeFailure,
  encodeValue,
  withHead,
} from "../../src/service/answer.ts";
import { FORWARDED, Service } from "../../src/service/service.ts";
import { encodeCommand } from "../../src/store/command/codec.ts";
import type { Command } from "../../src/store/command/command.ts";
import type { Result } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";
import { FakeNode, member } from "../api/fake_node.ts";

const SET = {
  type: "set",
  key: "/a",
  value: "☃",
  prevValue: undefined,
  ttlSeconds: undefined,
} as const;

function lone(): { readonly node: FakeNode; readonly store: Store; readonly service: Service } {
  const store = new Store();
  const node = new FakeNode(store);
  return { node, store, service: new Service({ node, store }) };
}

function following(leader: ReturnType<typeof lone>) {
  const follower = lone();
  follower.node.follow(
    leader.node,
    (request, done) => leader.service.handleForwarded(request, done),
  );
  return follower;
}

function write(service: Service, command: Command): Promise<Answer<Result>> {
  return new Promise((resolve) => service.write(command, false, resolve));
}

function forwarded(service: Service, request: Uint8Array): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => service.handleForwarded(request, resolve));
}

Deno.test("write() at a follower gives what the leader's store said, word for word", async () => {
  const leader = lone();
  const follower = following(leader);
  const commands: Command[] = [
    { ...SET, ttlSeconds: 5 },
    { ...SET, prevValue: "x" },
    { ...SET, key: "/a/b" },
    { type: "delete", key: "/a" },
    { type: "delete", key: "/a" },
  ];
  const copy = lone();
  for (const command of commands) {
    assertEquals(await write(follower.service, command), await write(copy.service, command));
  }
  assertEquals(follower.store.index, 0);
});

Deno.test("write() gives every failure of the leader with its cause", async () => {
  const leader = lone();
  const follower = following(leader);
  const reasons: FailureReason[] = ["overloaded", "diskFull", "unknown", "superseded", "stopping"];
  for (const reason of reasons) {
    leader.node.failure = reason;
    const failure = { ok: false, reason, cause: `The test wants ${reason}` } as const;
    assertEquals(await write(follower.service, SET), failure);
  }
});

Deno.test("handleForwarded() says that it did nothing when this member leads no longer", async () => {
  const { node, service } = lone();
  node.leading = undefined;
  const request = withHead(FORWARDED.write, encodeCommand(SET));
  assertEquals(await forwarded(service, request), undefined);
});

Deno.test("handleForwarded() refuses what is no client's operation, and kinds that it does not know", async () => {
  const { service, store } = lone();
  const expiry = encodeCommand({ type: "expire", key: "/a", setIndex: 3, isDirectory: false });
  const good = encodeCommand(SET);
  const requests = [new Uint8Array(0), new Uint8Array(9), expiry, good.subarray(0, -1)]
    .map((payload) => withHead(FORWARDED.write, payload));
  for (const request of [...requests, withHead(99, good), new Uint8Array(0)]) {
    const outcome = decodeOutcome((await forwarded(service, request))!);
    assert(!outcome.ok);
    assertEquals(outcome.reason, "refused");
  }
  assertEquals(store.index, 0);
});

Deno.test("write() passes nothing on that this member could not wait for", async () => {
  const leader = lone();
  const follower = following(leader);
  follower.node.unfit = { ok: false, reason: "diskFull", cause: "full" };
  assertEquals(await write(follower.service, SET), follower.node.unfit);
  assertEquals(leader.store.stats().keys, 0);
  follower.node.unfit = undefined;
  assert((await write(follower.service, SET)).ok);
});

Deno.test("forward() reaches the handler of its kind at the leader", async () => {
  const leader = lone();
  leader.service.handle(77, (payload, done) => done(encodeValue(payload.toReversed())));
  const follower = following(leader);
  const outcome = await new Promise<Outcome<Uint8Array>>((resolve) => {
    follower.service.forward(77, Uint8Array.of(1, 2, 3), resolve);
  });
  assertEquals(outcome, { ok: true, value: Uint8Array.of(3, 2, 1) });
});

Deno.test("write() says that the fate is unknown when the leader's answer can't be read", async () => {
  const { node, service } = lone();
  node.leading = member(2);
  for (const bytes of [[], [0], [0, 99], [255, 1], [0, 1, 0]]) {
    node.leaderHandler = (_, done) => done(Uint8Array.from(bytes));
    const answer = await write(service, SET);
    assert(!answer.ok && answer.reason === "unknown");
    assertStringIncludes(answer.cause, "may still take effect");
  }
});

Deno.test("decodeOutcome() returns what was encoded, and refuses other bytes", () => {
  const failure = { ok: false, reason: "diverged", cause: "☃" } as const;
  assertEquals(decodeOutcome(encodeFailure(failure)), failure);
  const value = Uint8Array.of(1, 2);
  assertEquals(decodeOutcome(encodeValue(value)), { ok: true, value });
  for (const bytes of [[], [200], [255, 65]]) {
    assertThrows(() => decodeOutcome(Uint8Array.from(bytes)), AnswerError);
  }
});
