/**
 * The store against the model by seeds, after every command: what it answers, reads,
 * lists and tells, whatever was compacted; and a second store that falls behind and
 * catches up by images.
 *
 *     deno run -A tests/store/model_run.ts            fresh seeds until one fails
 *     deno run -A tests/store/model_run.ts --seed 7   this one
 *     --steps 2000 --seconds 60                       commands of a seed, time in all
 */
import { assert, assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli";
import { decodeCommand, encodeCommand } from "../../src/store/command/codec.ts";
import { type Command, GUEST_USER, NOBODY } from "../../src/store/command/command.ts";
import { faultOfImage } from "../../src/store/image/proof.ts";
import type { SuccessOf } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";
import { random, START_MS } from "./log.ts";
import { Model } from "./model.ts";
import { ChangeMaker, USERS } from "./auth/changes.ts";
import { Choices, CommandMaker, NAMES, type Sizes } from "./model_commands.ts";
import { Follower } from "./model_follower.ts";
import { compareReads, compareState } from "./model_reads.ts";
import { type PlainEvent, plainEvent, plainResult } from "./plain.ts";

/** Small values that meet; some seeds have large ones, which fill pages and chunks. */
const SIZES: readonly Sizes[] = [[0, 1, 30], [0, 1, 2000], [10, 20_000, 70_000]];

/** All keys of v3. */
const EVERYTHING = { kind: "range", range: { start: "", end: undefined } } as const;

/** Every seed that this divides has users and roles. */
const USERS_EVERY = 7;

/** What the types of results promise to whoever asked for a command, if it is not rejected. */
const KINDS: Readonly<Record<Command["type"], readonly string[]>> = {
  set: ["event"],
  delete: ["event"],
  expire: ["event", "nothing"],
  treePut: ["event"],
  treeDelete: ["event"],
  put: ["applied"],
  deleteRange: ["applied"],
  range: ["applied"],
  txn: ["applied"],
  compact: ["done"],
  leaseGrant: ["done"],
  leaseRevoke: ["done"],
  alarm: ["done"],
  auth: ["done"],
} satisfies {
  [T in Command["type"]]: readonly SuccessOf<Extract<Command, { type: T }>>["kind"][];
};

const FOLLOWERS = 8;
/** Whole states are compared as often. */
const STEPS_BETWEEN = 25;

export class ModelRun {
  readonly #choices: Choices;
  readonly #model = new Model();
  readonly #maker: CommandMaker;
  readonly #changes: ChangeMaker;
  readonly #hasUsers: boolean;
  readonly #store = new Store();
  /** What the store has told of the entry that was applied last. */
  #told: PlainEvent[] = [];
  /** Falls behind, and restores an image of the other. */
  readonly #late = new Store();
  /** What the late one has not applied, with the indexes. */
  #pending: { readonly index: number; readonly bytes: Uint8Array }[] = [];
  #followers: Follower[] = [];
  #index = 2;
  #timeMs = START_MS;
  #steps = 0;

  constructor(seed: number) {
    const next = random(seed);
    this.#hasUsers = seed % USERS_EVERY === 0;
    this.#choices = new Choices(next);
    this.#changes = new ChangeMaker(this.#choices, () => this.#model.auth, [
      ...["/", "/", "\0", "a", "f"],
      ...NAMES.paths,
    ]);
    this.#maker = new CommandMaker(this.#choices, this.#model, SIZES[seed % SIZES.length]!);
    this.#store.watches.watch(EVERYTHING, undefined, {
      onEvents: (events) => this.#told.push(...events.map(plainEvent)),
      onBehind: () => {},
    });
  }

  /** Throws when the store and the model are not of one mind. */
  async run(steps: number): Promise<void> {
    while (this.#steps < steps) await this.#step();
    await this.#catchUp();
    for (const follower of this.#followers) follower.finish();
  }

  async #step(): Promise<void> {
    const choices = this.#choices;
    this.#steps++;
    this.#index += choices.chance(0.1) ? 3 : 1;
    this.#timeMs += choices.integer(0, 300) - (choices.chance(0.05) ? 5000 : 0);
    this.#apply(this.#next());
    if (choices.chance(0.05)) this.#expireDue();
    this.#compareReads(this.#store);
    this.#follow();
    this.#trail();
    if (this.#steps % STEPS_BETWEEN === 0) {
      compareState(this.#store, this.#model, this.#timeMs);
      for (const follower of this.#followers) follower.check();
    }
    if (choices.chance(0.01)) await this.#compareCopy();
    if (choices.chance(0.02)) await this.#catchUp();
  }

  /** A command, and where there are users, a change of them now and then. */
  #next(): Uint8Array {
    const choices = this.#choices;
    if (!this.#hasUsers) return encodeCommand(this.#maker.command(), NOBODY, this.#timeMs);
    const { auth } = this.#model;
    // Now and then somebody was judged by what has changed since, or before there was a judge.
    const authRevision = auth.revision - (choices.chance(0.05) ? 1 : 0);
    const as = (user: string) => choices.chance(0.05) ? NOBODY : { user, authRevision };
    if (choices.chance(0.1)) {
      return encodeCommand(this.#changes.command(), as("root"), this.#timeMs);
    }
    const user = choices.pick([...USERS, ...USERS, "root", "nobody", GUEST_USER]);
    return encodeCommand(this.#maker.command(), as(user), this.#timeMs);
  }

  /** Some readers come when deadlines have passed and nothing has expired yet. */
  #compareReads(store: Store): void {
    const nowMs = this.#timeMs + this.#choices.pick([0, 0, 2000]);
    compareReads(store, this.#model, this.#choices, this.#maker, nowMs);
  }

  #apply(bytes: Uint8Array): void {
    const stamped = decodeCommand(bytes);
    const result = this.#store.apply(this.#index, bytes);
    const before = this.#model.events.length;
    const expected = this.#model.apply(this.#index, stamped);
    assertEquals(plainResult(result), expected);
    const { type } = stamped.command;
    assert(result.kind === "rejected" || KINDS[type].includes(result.kind), type);
    const happened = this.#model.events.slice(before).filter(({ isDirectory }) => !isDirectory);
    assertEquals(this.#told, happened);
    this.#told = [];
    this.#pending.push({ index: this.#index, bytes });
  }

  #expireDue(): void {
    const due = this.#store.due(this.#timeMs, Infinity);
    const expected = [
      ...this.#dueOf(this.#model.directories, true),
      ...this.#dueOf(this.#model.keys, false),
    ].toSorted((a, b) => a.deadlineMs - b.deadlineMs);
    const found = due.map((bytes) => decodeCommand(bytes).command);
    assertEquals(found, expected.map(({ deadlineMs: _, ...command }) => command));
    for (const bytes of due) {
      this.#index++;
      this.#apply(bytes);
    }
  }

  #dueOf(
    there: ReadonlyMap<string, { readonly deadlineMs: number; readonly setIndex: number }>,
    isDirectory: boolean,
  ) {
    return [...there].filter(([, { deadlineMs }]) => deadlineMs > 0 && deadlineMs <= this.#timeMs)
      .sort(([a], [b]) => a < b ? -1 : 1)
      .map(([key, { deadlineMs, setIndex }]) =>
        ({ type: "expire", key, setIndex, isDirectory, deadlineMs }) as const
      );
  }

  /** Watches come and go, and read what has passed at their own pace. */
  #follow(): void {
    const choices = this.#choices;
    if (this.#followers.length < FOLLOWERS) {
      const store = choices.chance(0.4) ? this.#late : this.#store;
      this.#followers.push(new Follower(store, this.#model, this.#maker.view(), choices));
    }
    for (const follower of this.#followers) follower.go(choices);
    this.#followers = this.#followers.filter(({ isOver }) => !isOver);
  }

  /** The late store applies some of what it has not. */
  #trail(): void {
    const choices = this.#choices;
    if (choices.chance(0.5)) return;
    for (let left = choices.integer(0, 5); left > 0; left--) {
      const entry = this.#pending.shift();
      if (entry === undefined) return;
      this.#late.apply(entry.index, entry.bytes);
    }
  }

  /** The late store catches up, entry by entry or by an image. */
  async #catchUp(): Promise<void> {
    if (this.#choices.chance(0.5)) {
      for (const { index, bytes } of this.#pending) this.#late.apply(index, bytes);
    } else {
      assertEquals(await faultOfImage(this.#store.snapshot()), undefined);
      assertEquals(await this.#late.restore(this.#store.snapshot()), this.#store.digest());
    }
    this.#pending = [];
    assertEquals(this.#late.digest(), this.#store.digest());
    compareState(this.#late, this.#model, this.#timeMs);
    for (let reads = 0; reads < 10; reads++) this.#compareReads(this.#late);
    for (const follower of this.#followers) follower.check();
  }

  /** An image of now is read back while the store goes on. */
  async #compareCopy(): Promise<void> {
    const { revision } = this.#store;
    const digest = this.#store.digest();
    const image = this.#store.snapshot();
    const past = new Map(this.#model.keys);
    for (let more = 0; more < 20; more++) {
      this.#index++;
      this.#apply(encodeCommand(this.#maker.command(), NOBODY, this.#timeMs));
    }
    const copy = new Store();
    assertEquals(await copy.restore(image), digest);
    assertEquals([copy.digest(), copy.revision, copy.stats().keys], [digest, revision, past.size]);
  }
}

/** Runs one seed; what goes wrong has the seed in front. */
export async function runModel(seed: number, steps: number): Promise<void> {
  await new ModelRun(seed).run(steps);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["seed", "steps", "seconds"] });
  const steps = Number(flags.steps ?? 1000);
  const end = Date.now() + 1000 * Number(flags.seconds ?? 60);
  let seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31));
  let count = 0;
  do {
    try {
      await runModel(seed, steps);
    } catch (error) {
      console.error(`Seed ${seed}:`, error);
      Deno.exit(1);
    }
    count++;
    seed++;
  } while (flags.seed === undefined && Date.now() < end);
  console.log(`${count} seeds of ${steps} commands, from ${seed - count} on`);
  assert(count > 0);
}
