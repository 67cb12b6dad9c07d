/**
 * Simulated users: each asks one thing at a time of any member, as an API does,
 * and shows the checker what it asked and what it was told.
 */
import type { Failure } from "../../src/node/ports.ts";
import type { AuthProblem, ServeWith } from "../../src/service/auth/gate.ts";
import { mayApply } from "../../src/store/auth/judge.ts";
import type { Rights } from "../../src/store/auth/rights.ts";
import type { Store } from "../../src/store/store.ts";
import type { Command, DeleteCommand, SetCommand } from "../../src/store/command/command.ts";
import { maySee } from "../../src/store/tree/permitted.ts";
import { may, maySee as maySeeSlowly } from "../store/auth/permissions.ts";
import { slowKeys } from "../store/model.ts";
import { USERS } from "../store/auth/changes.ts";
import { Choices, CommandMaker } from "../store/model_commands.ts";
import { plainKeyValue } from "../store/plain.ts";
import type { HeldNeeds } from "./auth_check.ts";
import type { ReadResult } from "./history_check.ts";
import { KEYS, NAMES } from "./keys.ts";
import type { Machine } from "./machine.ts";
import { type Claim, describeClaim, passwordOf, ROOT, whoOf } from "./claims.ts";
import type { Process, Running } from "./process.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";
import { describe } from "./text.ts";

/** Logins that a client remembers. */
const TOKENS_MAX = 4;

const NOBODY: Claim = { kind: "nobody" };

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
  /** Logins of before; some are dead by now. */
  readonly #tokens: Claim[] = [];
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
      const logins = this.#site.profile.hasUsers ? 1.5 : 0;
      const kinds = [
        ...[["write", 5], ["read", 3], ["range", ranges], ["stale", 1]] as const,
        ["login", logins],
      ] as const;
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
        case "login":
          return this.#login(process, running, next);
      }
    });
  }

  /** Who it says that it is this time; root, where somebody has to get something done. */
  #claim(): Claim {
    if (!this.#site.profile.hasUsers) return NOBODY;
    if (this.#writesOnly) return ROOT;
    const tokens = this.#tokens.length > 0 ? 5 : 0;
    const kinds = [
      ...[["token", tokens], ["password", 3], ["certificate", 1.5]] as const,
      ...[["guest", 0.5], ["nobody", 0.5]] as const,
    ] as const;
    switch (this.#random.weighted(kinds)) {
      case "token":
        return this.#random.pick(this.#tokens);
      case "password":
        return { kind: "password", ...this.#password() };
      case "certificate":
        return { kind: "certificate", user: this.#random.pick(USERS) };
      case "guest":
        return { kind: "guest" };
      case "nobody":
        return NOBODY;
    }
  }

  /** Somebody's, most often the right one. */
  #password(): { readonly user: string; readonly password: string } {
    const user = this.#random.chance(0.15) ? "root" : this.#random.pick(USERS);
    const hash = this.#site.model.state.auth.users.get(user)?.passwordHash ?? "";
    const isWrong = hash === "" || this.#random.chance(0.05);
    return { user, password: isWrong ? "wrong" : passwordOf(hash) };
  }

  #login(process: Process, { service, core }: Running, next: () => void): void {
    const { auth, history, violations, trace, schedule } = this.#site;
    const asked = this.#password();
    const floor = history.newestIndex;
    service.authenticator.login(asked.user, asked.password).then((outcome) => {
      if (process.isDead) return;
      trace.mixText(outcome.kind);
      trace.line(schedule.nowMs, this.name, () => `${asked.user} at login: ${outcome.kind}`);
      if (outcome.kind === "token") {
        const { token } = outcome;
        this.#tokens.push(auth.loggedIn(asked, floor, core.appliedIndex, token));
        if (this.#tokens.length > TOKENS_MAX) this.#tokens.shift();
      } else if (outcome.kind === "refused") {
        auth.notLoggedIn(asked, floor, core.appliedIndex, outcome.reason);
      }
      next();
    }, (error) => violations.note("no unexpected error", `${process.name}: ${error}`));
  }

  #write(process: Process, { service, core }: Running, next: () => void): void {
    const { history, trace, schedule } = this.#site;
    const { command, isUnique } = this.#command();
    const claim = this.#claim();
    const write = history.write(this.name, command, isUnique, claim);
    trace.line(
      schedule.nowMs,
      this.name,
      () => `asks ${process.name} as ${describeClaim(claim)} ${describe(command)}`,
    );
    const unwatch = process.onDeath(() => history.lost(write));
    service.auth.write(whoOf(claim), command, false, (answer) => {
      if (process.isDead) return;
      trace.line(schedule.nowMs, this.name, () => `is told ${describe(answer)}`);
      trace.mixText(answer.ok ? "done" : answer.reason);
      unwatch();
      history.answered(write, answer, core.appliedIndex);
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
    const { auth, history, trace, schedule } = this.#site;
    const key = this.#random.pick(this.#keys);
    const claim = this.#claim();
    const read = history.read(this.name, key);
    trace.line(
      schedule.nowMs,
      this.name,
      () => `asks ${process.name} as ${describeClaim(claim)} for ${key}`,
    );
    const serve: ServeWith<string> = (_, nowMs, rights) => {
      if (process.isDead) return "served";
      const found = readFrom(store, key, nowMs);
      const isDirectory = found.kind !== "file";
      const needs: HeldNeeds = (held) => maySeeSlowly(held, key, isDirectory);
      if (!maySee(rights, key, isDirectory)) return refuse("permissionDenied", needs);
      auth.served(claim, core.appliedIndex, needs);
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
    const refuse = (problem: AuthProblem, needs: HeldNeeds = () => true): string => {
      if (!process.isDead) auth.refused(claim, core.appliedIndex, read.floor, problem, needs);
      return problem;
    };
    const fail = ({ reason }: Failure) => reason;
    this.#settle(process, service.auth.read(whoOf(claim), serve, refuse, fail), next);
  }

  #readRange(process: Process, { service, store, core }: Running, next: () => void): void {
    const { auth, history } = this.#site;
    const operation = this.#maker!.rangeOperation();
    const claim = this.#claim();
    const read = history.readRange(this.name, operation.key);
    const needs: HeldNeeds = (held) => may(held, slowKeys(new Map(), new Map()), operation);
    const serve = () => {
      if (process.isDead) return "served";
      auth.served(claim, core.appliedIndex, needs);
      const found = store.range(operation);
      const plain = typeof found === "string"
        ? found
        : { ...found, type: "range", kvs: found.kvs.map(plainKeyValue) } as const;
      history.servedRange(read, process.name, core.appliedIndex, operation, plain);
      return "served";
    };
    const refuse = (problem: AuthProblem): string => {
      if (!process.isDead) auth.refused(claim, core.appliedIndex, read.floor, problem, needs);
      return problem;
    };
    const fail = ({ reason }: Failure) => reason;
    const isAllowed = (rights: Rights) => mayApply(rights, store, operation);
    if (claim.kind === "token" || claim.kind === "certificate") {
      // As v3 asks it.
      const outcome = new Promise<string>((resolve) => {
        service.auth.whenFresh(
          whoOf(claim),
          isAllowed,
          () => resolve(serve()),
          (problem) => resolve(refuse(problem)),
          (failure) => resolve(fail(failure)),
        );
      });
      return this.#settle(process, outcome, next);
    }
    const outcome = service.auth.read(
      whoOf(claim),
      (_, _nowMs, rights) => isAllowed(rights) ? serve() : refuse("permissionDenied"),
      refuse,
      fail,
    );
    this.#settle(process, outcome, next);
  }

  /** Goes on after a read. */
  #settle(process: Process, outcome: string | Promise<string>, next: () => void): void {
    const { violations, trace } = this.#site;
    Promise.resolve(outcome).then(
      (outcome) => {
        if (process.isDead) return;
        trace.mixText(outcome);
        next();
      },
      (error) => violations.note("no unexpected error", `${process.name}: ${error}`),
    );
  }

  #readStale(process: Process, { service, store, core }: Running): void {
    const { auth, history } = this.#site;
    const key = this.#random.pick(this.#keys);
    const claim = this.#claim();
    // By what this member knows: how old that is does not matter.
    const refuse = (problem: AuthProblem, needs: HeldNeeds = () => true) => {
      if (!process.isDead) auth.refused(claim, core.appliedIndex, 0, problem, needs);
    };
    void service.auth.readStale<void>(
      whoOf(claim),
      (_, nowMs, rights) => {
        if (process.isDead) return;
        const found = readFrom(store, key, nowMs);
        const isDirectory = found.kind !== "file";
        const needs: HeldNeeds = (held) => maySeeSlowly(held, key, isDirectory);
        if (!maySee(rights, key, isDirectory)) return refuse("permissionDenied", needs);
        auth.served(claim, core.appliedIndex, needs);
        const served = { member: process.name, appliedIndex: core.appliedIndex, nowMs, found };
        history.servedStale(this.name, key, served);
      },
      refuse,
      () => {},
    );
  }
}

/** The keys of simulated clients are ASCII, and so their own byte strings. */
function readFrom(store: Store, key: string, nowMs: number): ReadResult {
  const item = store.read(key, nowMs);
  if (item === undefined) return { kind: "missing" };
  return item.isDirectory ? { kind: "directory" } : { kind: "file", value: item.value };
}
