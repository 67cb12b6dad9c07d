/** A node's part in who founds a cluster: what it saves, in which order, and what it does not answer. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  AbstentionError,
  FOUNDING_PATH,
  type FoundingAsk,
  parseFoundingAnswer,
  parseFoundingAsk,
  replyToFounding,
} from "../../src/api/peer/founding.ts";
import { isFault } from "../../src/http/fault.ts";
import { Founder, type FounderOptions } from "../../src/member/founder.ts";
import type { Answer, Ask } from "../../src/founding/types.ts";
import type { Identity } from "../../src/storage/storage.ts";

const NAMES = ["m1", "m2", "m3"];
const MEMBERS = NAMES.map((name) => ({ name, peerUrls: [`http://${name}:2380`] }));
const forming = (name: string) => ({ name, token: "t", members: MEMBERS });
const BALLOT = { round: 3, proposer: 10 };
const PREPARE: Ask = { kind: "prepare", ballot: BALLOT };
const asking = (ask: Ask, changed: Partial<FoundingAsk> = {}): FoundingAsk => ({
  ...{ from: forming("m1"), to: "m2", ask },
  ...changed,
});

/** `m2`, whose disk is done when it is told. */
class Subject {
  readonly written: Identity[] = [];
  readonly asked: string[] = [];
  readonly founder: Founder;
  #saving: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(answer: FounderOptions["ask"] = () => Promise.reject(new Error("is silent"))) {
    this.founder = new Founder({
      own: forming("m2"),
      identity: undefined,
      random: () => 0.5,
      writeIdentity: (identity) => {
        const { promise, ...saving } = Promise.withResolvers<void>();
        this.#saving = saving;
        return promise.then(() => void this.written.push(identity));
      },
      ask: (name, ask) => {
        this.asked.push(`${ask.ask.kind} ${name}`);
        return answer(name, ask);
      },
    });
  }

  /** The disk has written. */
  async saved(): Promise<void> {
    await turns();
    this.#saving!.resolve();
    await turns();
  }

  async failed(): Promise<void> {
    await turns();
    this.#saving!.reject(new Error("no space"));
    await turns();
  }
}

const turns = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("answer() tells a promise when it is on disk, and not before; one after the other", async () => {
  const subject = new Subject();
  const answers: Answer[] = [];
  const higher = { ...PREPARE, ballot: { round: 4, proposer: 10 } };
  for (const ask of [PREPARE, higher]) {
    subject.founder.answer(asking(ask)).then((answer) => answers.push(answer));
  }
  await turns();
  assertEquals(answers, []);
  await subject.saved();
  assertEquals(answers.map(({ ballot }) => ballot.round), [3]);
  await subject.saved();
  assertEquals(answers.map(({ ballot }) => ballot.round), [3, 4]);
  assertEquals(subject.written.map(({ founding }) => founding?.promised.round), [3, 4]);
  assertEquals(subject.written[0]!.clusterId, 0);
});

Deno.test("propose() asks nobody before its own promise is on disk", async () => {
  const subject = new Subject();
  const ended = subject.founder.propose();
  await turns();
  assertEquals(subject.asked, []);
  await subject.saved();
  assertEquals(subject.asked, ["prepare m1", "prepare m3"]);
  assertEquals(await ended, { kind: "unanswered", cause: '"m1" is silent; "m3" is silent' });
});

Deno.test("propose() has the node chosen when one of two others takes part", async () => {
  const subject = new Subject((name, { ask }) => {
    if (name === "m1") return new Promise(() => {});
    const { ballot } = ask;
    return Promise.resolve(
      ask.kind === "prepare"
        ? { kind: "promised", ballot, from: 30, accepted: undefined }
        : { kind: "accepted", ballot, from: 30 },
    );
  });
  const ended = subject.founder.propose();
  await subject.saved();
  assertEquals(subject.asked, ["prepare m1", "prepare m3"]);
  await subject.saved();
  assertEquals(subject.asked.at(-1), "accept m3");
  const outcome = await ended;
  assertEquals(outcome.kind === "chosen" && outcome.choice.founder, subject.founder.self);
  const { founding, memberId } = await subject.founder.close();
  assertEquals([founding?.accepted?.choice.name, memberId], ["m2", subject.founder.self]);
});

Deno.test("a node whose disk fails answers nothing more: it does not know what is there", async () => {
  const subject = new Subject();
  const answers = [1, 2].map(() => subject.founder.answer(asking(PREPARE)));
  const failures = answers.map((answer) => assertRejects(() => answer, Error, "no space"));
  await subject.failed();
  await Promise.all(failures);
  await assertRejects(() => subject.founder.propose(), Error, "no space");
  await assertRejects(() => subject.founder.close(), Error, "no space");
});

Deno.test("close() waits for what is written, and then nothing is, before it is open again", async () => {
  const subject = new Subject();
  const answer = subject.founder.answer(asking(PREPARE));
  await turns();
  let isClosed = false;
  const closing = subject.founder.close().then((identity) => {
    isClosed = true;
    return identity;
  });
  await turns();
  assertEquals(isClosed, false);
  await subject.saved();
  assertEquals((await answer).kind, "promised");
  assertEquals((await closing).founding, { promised: BALLOT, accepted: undefined });
  const refused = () => subject.founder.answer(asking(PREPARE));
  await assertRejects(refused, AbstentionError, "enters a cluster");
  await assertRejects(() => subject.founder.propose(), AbstentionError);
  subject.founder.reopen();
  assertEquals((await refused()).kind, "promised");
});

Deno.test("answer() takes no question for another name, from nobody of the list, or with another list", async () => {
  const { founder } = new Subject();
  const cases: readonly (readonly [Partial<FoundingAsk>, string])[] = [
    [{ to: "m3" }, 'at the address of "m3" is a node named "m2"'],
    [{ from: forming("m4") }, '"m4" is none of the others'],
    [{ from: forming("m2") }, '"m2" is none of the others'],
    [{ from: { ...forming("m1"), token: "x" } }, "--initial-cluster-token"],
    [{ from: { ...forming("m1"), members: MEMBERS.slice(0, 2) } }, "the same list"],
  ];
  for (const [changed, cause] of cases) {
    await assertRejects(() => founder.answer(asking(PREPARE, changed)), AbstentionError, cause);
  }
});

Deno.test(`${FOUNDING_PATH} takes nothing that a node would not ask, and tells why it takes no part`, async () => {
  const choice = { clusterId: 7, founder: 10, name: "m1" };
  const accept: Ask = { kind: "accept", ballot: BALLOT, choice, to: 20 };
  for (const ask of [PREPARE, accept]) {
    assertEquals(parseFoundingAsk(JSON.stringify(asking(ask))), asking(ask));
  }
  const wrong: readonly unknown[] = [
    null,
    7,
    { ...asking(PREPARE), from: {} },
    { ...asking(PREPARE), to: "" },
    asking({ ...PREPARE, ballot: { round: 2 ** 32, proposer: 10 } }),
    asking({ ...PREPARE, ballot: { round: 0, proposer: 10 } }),
    asking({ ...accept, to: 0 }),
    asking({ ...accept, choice: { ...choice, name: "" } }),
    { ...asking(accept), ask: { ...accept, kind: "learn" } },
  ];
  const never = () => Promise.reject(new Error("was asked"));
  for (const body of ["", "{", ...wrong.map((one) => JSON.stringify(one))]) {
    const reply = await replyToFounding(body, never);
    assertEquals([reply.status, isFault(reply)], [400, true], body);
  }
  const abstains = () => Promise.reject(new AbstentionError("no part"));
  const reply = await replyToFounding(JSON.stringify(asking(PREPARE)), abstains);
  assertEquals(isFault(reply) && [reply.status, reply.problem], [409, "no part"]);
});

Deno.test("parseFoundingAnswer() takes no half of an answer", async () => {
  const choice = { clusterId: 7, founder: 10, name: "m1" };
  const answers: readonly Answer[] = [
    { kind: "promised", ballot: BALLOT, from: 20, accepted: undefined },
    { kind: "promised", ballot: BALLOT, from: 20, accepted: { ballot: BALLOT, choice } },
    { kind: "accepted", ballot: BALLOT, from: 20 },
    { kind: "refused", ballot: BALLOT, promised: { round: 4, proposer: 1 } },
    { kind: "refused", ballot: BALLOT, promised: undefined },
  ];
  for (const answer of answers) {
    assertEquals(parseFoundingAnswer(JSON.stringify(answer)), answer);
  }
  const wrong: readonly unknown[] = [
    {},
    { kind: "promised", ballot: BALLOT },
    { kind: "promised", ballot: BALLOT, from: 20, accepted: { ballot: BALLOT } },
    { kind: "promised", ballot: BALLOT, from: 20, accepted: null },
    { kind: "accepted", ballot: BALLOT, from: "20" },
    { kind: "refused", ballot: BALLOT, promised: {} },
    { kind: "refused", ballot: {}, promised: BALLOT },
  ];
  for (const answer of wrong) {
    await assertRejects(
      () => Promise.try(() => parseFoundingAnswer(JSON.stringify(answer))),
      SyntaxError,
    );
  }
});
