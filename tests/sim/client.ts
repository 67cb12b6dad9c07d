/**
 * Simulated users: each asks one thing at a time of any member, as an API does,
 * and shows the checker what it asked and what it was told.
 */
import { textOf } from "../../src/store/byte_string.ts";
import type { Store } from "../../src/store/store.ts";
import type { Command, DeleteCommand, SetCommand } from "../../src/store/command/command.ts";
import { Choices, CommandMaker } from "../store/model_commands.ts";
import { plainKeyValue } from "../store/plain.ts";
import type { ReadResult } from "./history_check.ts";
import { KEYS, NAMES } from "./keys.ts";
import type { Machine } from "./machine.ts";
import type { Process, Running } from "./process.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";
import { describe } from "./text.ts";

/** Bytes of values of v2 and v3. */
const SIZES = [0, 1, 30, 300];

export class Client {
  readonly name: string;
  readonly #site: Site;
  readonly #random: SeededRandom;
  readonly #keys: readonly string[];
  /** Commands of all APIs, for a client that speaks more than v1. */
  readonly #maker: CommandMaker | undefined;
  /** The value that this client last saw at a key: what its test-and-sets expect. */
  readonly #known = new Map<string, string>();
  #values = 0;
  #writesOnly = false;
  #stopped = false;
  #isAsked: (machine: Machine) => boolean = () => true;

  constructor(number: number, site: Site) {
    this.name = `c${number}`;
    this.#site = site;
    this.#random = new SeededRandom(site.seed, 200 + number);
    this.#keys = KEYS.slice(0, site.profile.keys);
    const choices = new Choices(this.#random.next);
    const speaksAll = this.#random.chance(0.5);
    this.#maker = speaksAll ? new CommandMaker(choices, site.model.state, SIZES, NAMES) : undefined;
  }

  start(): void {
    const { schedule, profile } = this.#site;
    if (this.#stopped) return;
    const thinkMs = this.#writesOnly ? profile.tickMs : profile.thinkMs;
    schedule.after(this.#random.exponential(thinkMs), "think", undefined, () => {
      const machine = this.#choose();
      if (machine?.process === undefined) this.start();
      else this.#ask(machine.process);
    });
  }

  /**
   * Asks only such machines from now on, at once, and for nothing but writes:
   * progress is judged by them, and nothing can be committed that nobody asks for.
   */
  writeOnly(isAsked: (machine: Machine) => boolean): void {
    this.#isAsked = isAsked;
    this.#writesOnly = true;
  }

  /** Asks nothing any longer. */
  stop(): void {
    this.#stopped = true;
  }

  #choose(): Machine | undefined {
    const up = this.#site.machines.filter((machine) =>
      machine.process?.running !== undefined && !machine.process.isStopping &&
      this.#isAsked(machine)
    );
    return up.length === 0 ? undefined : this.#random.pick(up);
  }

  /** The request reaches the process a moment later, if it is there to take it. */
  #ask(process: Process): void {
    const forget = process.onDeath(() => this.start());
    const next = () => {
      forget();
      this.start();
    };
    this.#site.schedule.after(0.1, "request", process, () => {
      const { running } = process;
      if (running === undefined) return next();
      const ranges = this.#maker === undefined ? 0 : 2;
      const kinds = [["write", 5], ["read", 3], ["range", ranges], ["stale", 1]] as const;
      switch (this.#writesOnly ? "write" : this.#random.weighted(kinds)) {
        case "write":
          return this.#write(process, running, next);
        case "read":
          return this.#read(process, running, next);
        case "range":
          return this.#readRange(process, running, next);
        case "stale":
          this.#readStale(process, running);
          return next();
      }
    });
  }

  #write(process: Process, { service }: Running, next: () => void): void {
    const { history, trace, schedule } = this.#site;
    const { command, isUnique } = this.#command();
    const write = history.write(this.name, command, isUnique);
    trace.line(
      schedule.nowMs,
      this.name,
      () => `asks ${process.name} ${describe(command)}`,
    );
    const unwatch = process.onDeath(() => history.lost(write));
    service.write(command, false, (answer) => {
      if (process.isDead) return;
      trace.line(schedule.nowMs, this.name, () => `is told ${describe(answer)}`);
      trace.mixText(answer.ok ? "done" : answer.reason);
      unwatch();
      history.answered(write, answer);
      if (write.state === "answered" && command.type === "set") {
        this.#known.set(command.key, String(command.value));
      }
      next();
    });
  }

  #command(): { readonly command: Command; readonly isUnique: boolean } {
    if (this.#maker !== undefined && !this.#writesOnly && this.#random.chance(0.6)) {
      return this.#anyCommand(this.#maker);
    }
    const command = this.#operation();
    return { command, isUnique: command.type === "set" };
  }

  /** Of any API, but for what only the cluster does, and for alarms: they are in everybody's way. */
  #anyCommand(maker: CommandMaker): { readonly command: Command; readonly isUnique: boolean } {
    let command = maker.command();
    while (command.type === "expire" || command.type === "alarm") command = maker.command();
    if (this.#random.chance(0.3)) return { command, isUnique: false };
    const value = `${this.name}-${++this.#values}`;
    switch (command.type) {
      case "set":
      case "put":
      case "treePut":
        return { command: { ...command, value }, isUnique: true };
      default:
        return { command, isUnique: false };
    }
  }

  #operation(): SetCommand | DeleteCommand {
    const key = this.#random.pick(this.#keys);
    const isLong = this.#random.chance(0.1);
    const padding = "x".repeat(isLong ? this.#site.profile.longValue : 0);
    const value = `${this.name}-${++this.#values}${padding}`;
    const set = { type: "set", key, value, prevValue: undefined, ttlSeconds: undefined } as const;
    switch (
      this.#random.weighted([["set", 4], ["ttl", 2], ["testAndSet", 3], ["delete", 2], [
        "past",
        0.2,
      ]])
    ) {
      case "set":
        return set;
      case "ttl":
        return { ...set, ttlSeconds: this.#random.integer(1, 3) };
      case "past":
        return { ...set, ttlSeconds: this.#random.integer(-1, 0) };
      case "testAndSet":
        return { ...set, prevValue: this.#known.get(key) ?? "none" };
      case "delete":
        return { type: "delete", key };
    }
  }

  #read(process: Process, { service, store, core }: Running, next: () => void): void {
    const { history, violations, trace, schedule } = this.#site;
    const key = this.#random.pick(this.#keys);
    const read = history.read(this.name, key);
    trace.line(schedule.nowMs, this.name, () => `asks ${process.name} for ${key}`);
    const serve = (_: unknown, nowMs: number) => {
      if (process.isDead) return "served";
      const found = readFrom(store, key, nowMs);
      const { appliedIndex } = core;
      trace.line(
        schedule.nowMs,
        this.name,
        () => `is served ${key} = ${describe(found)} at ${appliedIndex}`,
      );
      history.served(read, { member: process.name, appliedIndex, nowMs, found });
      if (found.kind === "file") this.#known.set(key, found.value);
      return "served";
    };
    Promise.resolve(service.read<string>(serve, ({ reason }) => reason)).then(
      (outcome) => {
        if (process.isDead) return;
        trace.mixText(outcome);
        next();
      },
      (error) => violations.note("no unexpected error", `${process.name}: ${error}`),
    );
  }

  #readRange(process: Process, { service, store, core }: Running, next: () => void): void {
    const { history, violations, trace } = this.#site;
    const operation = this.#maker!.rangeOperation();
    const read = history.readRange(this.name, operation.key);
    const serve = () => {
      if (process.isDead) return "served";
      const found = store.range(operation);
      const plain = typeof found === "string"
        ? found
        : { ...found, type: "range", kvs: found.kvs.map(plainKeyValue) } as const;
      history.servedRange(read, process.name, core.appliedIndex, operation, plain);
      return "served";
    };
    Promise.resolve(service.read<string>(serve, ({ reason }) => reason)).then(
      (outcome) => {
        if (process.isDead) return;
        trace.mixText(outcome);
        next();
      },
      (error) => violations.note("no unexpected error", `${process.name}: ${error}`),
    );
  }

  #readStale(process: Process, { service, store, core }: Running): void {
    const key = this.#random.pick(this.#keys);
    service.readStale((_, nowMs) => {
      const found = readFrom(store, key, nowMs);
      const served = { member: process.name, appliedIndex: core.appliedIndex, nowMs, found };
      this.#site.history.servedStale(this.name, key, served);
    }, () => {});
  }
}

/** The keys of simulated clients are ASCII, and so their own byte strings. */
function readFrom(store: Store, key: string, nowMs: number): ReadResult {
  const item = store.read(key, nowMs);
  if (item === undefined) return { kind: "missing" };
  return item.isDirectory ? { kind: "directory" } : { kind: "file", value: textOf(item.value) };
}
