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
import { NO_VERSION } from "../../src/store/keyspace/record.ts";
import { type KeyValue, NOTHING, type Result } from "../../src/store/result.ts";
import { decodeResult, encodeResult, ResultError } from "../../src/store/result_codec.ts";
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

function following(leader: Service) {
  const follower = lone();
  follower.node.members = [member(1), member(2)];
  follower.node.leading = member(2);
  follower.node.leaderHandler = (request, done) => leader.handleForwarded(request, done);
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
  const follower = following(leader.service);
  const commands: Command[] = [
    { ...SET, ttlSeconds: 5 },
    { ...SET, prevValue: "x" },
    { ...SET, key: "/a/b" },
    { type: "delete", key: "/a" },
    { type: "delete", key: "/a" },
  ];
  const copy = lone();
  for (const command of commands) {
    const answer = plain(await write(follower.service, command));
    assertEquals(answer, plain(await write(copy.service, command)));
  }
  assertEquals(follower.store.index, 0);
});

Deno.test("write() gives every failure of the leader with its cause", async () => {
  const leader = lone();
  const follower = following(leader.service);
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

Deno.test("forward() reaches the handler of its kind at the leader", async () => {
  const leader = lone();
  leader.service.handle(77, (payload, done) => done(encodeValue(payload.toReversed())));
  const follower = following(leader.service);
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

Deno.test("decodeResult() returns what encodeResult() was given, and refuses every part of it", () => {
  const version = {
    ...NO_VERSION,
    value: Uint8Array.of(0, 255, 65),
    createRevision: 3,
    modRevision: 2 ** 40,
    version: 7,
    lease: -(2n ** 63n),
    deadlineMs: 1_900_000_000_000,
  };
  const event: Result = {
    kind: "event",
    action: "compareAndSwap",
    key: "/\xe2\x98\x83",
    isDirectory: false,
    isFile: true,
    isQuiet: true,
    isCovered: false,
    logIndex: 9,
    changeIndex: 7,
    revision: 5,
    timeMs: 1_800_000_000_000,
    after: version,
    before: undefined,
  };
  const kv: KeyValue = { key: "\xff\0", version };
  const range = { type: "range", kvs: [kv, kv], count: 3, more: true } as const;
  const results: Result[] = [
    event,
    {
      ...event,
      action: "expire",
      isDirectory: true,
      isCovered: true,
      after: undefined,
      before: version,
    },
    { kind: "rejected", reason: "keyNotFound", key: "/a", changeIndex: 3 },
    {
      kind: "rejected",
      reason: "testFailed",
      key: "/a",
      changeIndex: 3,
      failed: [{ of: "value", expected: "", found: "\xff" }, {
        of: "index",
        expected: "1",
        found: "2",
      }],
    },
    { kind: "applied", revision: 4, logIndex: 9, result: { type: "put", previous: kv } },
    { kind: "applied", revision: 4, logIndex: 9, result: { type: "put", previous: undefined } },
    {
      kind: "applied",
      revision: 4,
      logIndex: 9,
      result: {
        type: "txn",
        succeeded: true,
        results: [range, { type: "delete", deleted: 2, previous: [kv] }],
      },
    },
    { kind: "done", revision: 8, logIndex: 9, changed: true },
    NOTHING,
  ];
  for (const result of results) {
    const bytes = encodeResult(result);
    assertEquals(decodeResult(bytes), result);
    for (let length = 0; length < bytes.length; length++) {
      assertThrows(() => decodeResult(bytes.subarray(0, length)), ResultError);
    }
    assertThrows(() => decodeResult(Uint8Array.of(...bytes, 0)), ResultError);
  }
  assertThrows(() => decodeResult(Uint8Array.of(6)), ResultError);
});

/** An answer without the classes that some of its values are read by. */
function plain(answer: Answer<Result>): unknown {
  return answer.ok ? decodeResult(encodeResult(answer.value).slice()) : answer;
}
