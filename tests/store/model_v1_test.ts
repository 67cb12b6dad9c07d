/** The store against a plain model of v1, by seeds: every answer, listing, watch, image and digest. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { byteStringOf, textOf } from "../../src/store/byte_string.ts";
import { decodeCommand, encodeCommand } from "../../src/store/command/codec.ts";
import { type ExpireCommand, NOBODY } from "../../src/store/command/command.ts";
import { Store } from "../../src/store/store.ts";
import { watchFirst } from "../../src/store/watch/first.ts";
import { keeping, random, START_MS } from "./log.ts";
import { type CommandV1, ModelV1 } from "./model_v1.ts";
import { type V1Event as Event, v1EventOf, v1ResultOf } from "./v1_words.ts";

const STEPS = 3000;
const HISTORY_MAX = 100;

const NAMES = ["a", "b", "c", "a-", "a.", "a0", "__proto__", "☃", "𝄞", "\uFFFF", "x y", "é"];

/** A store and a model that go the same way. */
class Pair {
  store = new Store();
  readonly model = new ModelV1();
  index = 0;
  timeMs = START_MS;
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#next() * items.length)]!;
  }

  /** Mostly a file's name; the names of directories now and then clash. */
  key(): string {
    const depth = Math.floor(this.#next() ** 2 * 5);
    const directory = Array.from({ length: depth }, () => `/${this.pick(NAMES)}`).join("");
    const name = this.#next() < 0.1 ? this.pick(NAMES) : `f${Math.floor(this.#next() * 200)}`;
    return `${directory}/${name}`;
  }

  step(): void {
    this.index += this.#next() < 0.1 ? 3 : 1;
    this.timeMs += Math.floor(this.#next() * 300);
    const { command, stamp } = this.#command();
    const result = v1ResultOf(this.store.apply(this.index, encoded(command, stamp)));
    assertEquals(result, this.model.apply(this.index, stamp, command), JSON.stringify(command));
    assertEquals([this.store.index, this.store.timeMs], [this.model.index, this.model.timeMs]);
    if (this.store.stats().historyEvents > 2 * HISTORY_MAX) this.compact();
  }

  compact(): void {
    const command = keeping(this.store, HISTORY_MAX);
    this.store.apply(++this.index, encodeCommand(command, NOBODY, this.store.timeMs));
  }

  expireDue(): void {
    const due = this.store.due(this.timeMs, Infinity);
    const expiries = due.map((bytes) => {
      const { key, setIndex } = decodeCommand(bytes).command as ExpireCommand;
      return { type: "expire", key: textOf(key), setIndex } as const;
    });
    assertEquals(expiries.map(({ key }) => key), this.model.due(this.timeMs));
    for (const [i, bytes] of due.entries()) {
      const result = v1ResultOf(this.store.apply(++this.index, bytes));
      assertEquals(result, this.model.apply(this.index, this.timeMs, expiries[i]!));
    }
  }

  compare(): void {
    const { files, directories } = this.model;
    const { keys, directories: count, expiring } = this.store.stats();
    assertEquals([keys, count], [files.size, directories.size - 1]);
    const deadlines = [...files.values()].map(({ deadlineMs }) => deadlineMs).filter(Boolean);
    assertEquals(expiring, deadlines.length);
    assertEquals(this.store.nextDeadlineMs(), Math.min(...deadlines));
    for (const directory of directories) {
      const listed = [...this.store.list(byteStringOf(directory), this.timeMs)]
        .map(({ key }) => textOf(key));
      assertEquals(listed, this.model.list(directory, this.timeMs), directory);
    }
    for (const [key, item] of files) {
      const past = item.deadlineMs !== 0 && item.deadlineMs <= this.timeMs;
      const found = this.store.read(byteStringOf(key), this.timeMs);
      const { value, setIndex, deadlineMs } = found ?? {};
      assertEquals(
        found && { value: value, setIndex, deadlineMs },
        past ? undefined : item,
      );
    }
  }

  #command(): { readonly command: CommandV1; readonly stamp: number } {
    const known = [...this.model.files.keys()];
    const key = known.length > 0 && this.#next() < 0.3 ? this.pick(known) : this.key();
    const stamp = this.timeMs - (this.#next() < 0.05 ? 10_000 : 0);
    return { command: this.#commandOn(key), stamp };
  }

  #commandOn(key: string): CommandV1 {
    const chance = this.#next();
    if (chance < 0.1) return { type: "delete", key };
    if (chance < 0.15) {
      const setIndex = this.model.files.get(key)?.setIndex ?? 1;
      return { type: "expire", key, setIndex: setIndex - this.pick([0, 1]) };
    }
    const current = this.model.files.get(key)?.value ?? "none";
    return {
      type: "set",
      key,
      value: `${this.pick(["", "☃", "v"])}${this.index}`.repeat(this.pick([1, 1, 1, 30, 3000])),
      prevValue: this.pick([undefined, undefined, undefined, undefined, current, "other"]),
      ttlSeconds: this.pick([undefined, undefined, undefined, undefined, 1, 2, 30, 0, -1]),
    };
  }
}

/** Follows a path by index, one watch after the other, as a careful client does. */
class Follower {
  readonly seen: Event[] = [];
  /** The first index that it has not seen. */
  #since = 1;
  readonly #pair: Pair;
  readonly #path: string;

  constructor(pair: Pair, path: string) {
    this.#pair = pair;
    this.#path = path;
    this.follow();
  }

  follow(): void {
    const path = byteStringOf(this.#path);
    const view = { kind: "path", api: "v1", path, recursive: true } as const;
    const take = (event: Event): void => {
      this.seen.push(event);
      this.#since = event.index + 1;
      this.follow();
    };
    const first = watchFirst(this.#pair.store.watches, view, this.#since, {
      onEvent: (event) => take(v1EventOf(event)),
      onCleared: () => assert(false, `The history must reach back to ${this.#since}`),
    });
    assert(first.kind !== "cleared", `The history must reach back to ${this.#since}`);
    if (first.kind === "event") take(v1EventOf(first.event));
  }

  /** Goes on at the next index, however long nothing happened at its path. */
  leaveAt(index: number): void {
    this.#since = index + 1;
  }

  check(): void {
    const prefix = this.#path === "/" ? "/" : `${this.#path}/`;
    const expected = this.#pair.model.events.filter(({ key }) =>
      key === this.#path || key.startsWith(prefix)
    );
    assertEquals(this.seen.map(({ index }) => index), expected.map(({ index }) => index));
    assertEquals(this.seen, expected);
  }
}

for (const seed of [1, 2, 3, 4]) {
  Deno.test(`the store agrees with the model after any commands, seed ${seed}`, () => {
    const pair = new Pair(random(seed));
    for (let step = 1; step <= STEPS; step++) {
      pair.step();
      if (step % 40 === 0) pair.expireDue();
      if (step % 500 === 0) pair.compare();
    }
    assertGreater(pair.model.files.size, 50);
    assertGreater(pair.model.events.length, STEPS / 3);
  });
}

Deno.test("images and listings agree with the model of their time while commands go on", async () => {
  const next = random(5);
  const pair = new Pair(next);
  const late: (() => void | Promise<void>)[] = [];
  for (let step = 0; step < STEPS; step++) {
    pair.step();
    if (step % 150 === 149) late.push(imageOfNow(pair), ...listingsOfNow(pair));
    if (late.length > 5 && next() < 0.1) {
      await late.splice(Math.floor(next() * late.length), 1)[0]!();
    }
  }
  for (const check of late) await check();
});

function imageOfNow({ store }: Pair): () => Promise<void> {
  const digest = store.digest();
  const stats = store.stats();
  const image = store.snapshot();
  return async () => {
    const copy = new Store();
    await copy.restore(image);
    assertEquals(copy.digest(), digest);
    assertEquals(copy.stats(), stats);
  };
}

function encoded(command: CommandV1, timeMs: number): Uint8Array {
  const key = byteStringOf(command.key);
  return command.type === "expire"
    ? encodeCommand({ ...command, key, isDirectory: false }, NOBODY, timeMs)
    : encodeCommand({ ...command, key }, NOBODY, timeMs);
}

function listingsOfNow({ store, model, timeMs }: Pair): (() => void)[] {
  return [...model.directories].slice(0, 5).map((directory) => {
    const expected = model.list(directory, timeMs);
    const listing = store.list(byteStringOf(directory), timeMs);
    return () => assertEquals([...listing].map(({ key }) => textOf(key)), expected);
  });
}

Deno.test("a follower sees every event once and in order, across restarts", async () => {
  const pair = new Pair(random(6));
  const followers = ["/", "/a", "/a/b", "/☃", "/a-"].map((path) => new Follower(pair, path));
  for (let step = 1; step <= STEPS; step++) {
    pair.step();
    if (step % 40 === 0) pair.expireDue();
    if (step % 250 === 0) {
      const restarted = new Store();
      await restarted.restore(pair.store.snapshot());
      assertEquals(restarted.digest(), pair.store.digest());
      pair.store = restarted;
      for (const follower of followers) follower.leaveAt(pair.index);
      for (let missed = 0; missed < 30; missed++) pair.step();
      for (const follower of followers) follower.follow();
    }
  }
  for (const follower of followers) follower.check();
});

Deno.test("a follower sees every event once and in order on a member that catches up by images", async () => {
  const pair = new Pair(random(7));
  const ahead = pair.store;
  const behind = new Store();
  pair.store = behind;
  const followers = ["/", "/a", "/b"].map((path) => new Follower(pair, path));
  pair.store = ahead;
  for (let step = 1; step <= STEPS; step++) {
    pair.step();
    if (step % 60 === 0) {
      // The callbacks of watches that a restore calls watch on this member again.
      pair.store = behind;
      await behind.restore(ahead.snapshot());
      pair.store = ahead;
    }
  }
  for (const follower of followers) follower.check();
});
