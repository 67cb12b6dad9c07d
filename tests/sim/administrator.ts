/**
 * Who makes users and roles, and never stops to change them: passwords, roles, permissions
 * and the switch, of any member and whatever else goes on.
 */
import { endOfPrefix } from "../../src/store/byte_string.ts";
import type { AuthChange, Permission } from "../../src/store/command/auth_command.ts";
import type { AuthCommand } from "../../src/store/command/auth_command.ts";
import {
  type Claim,
  describeClaim,
  hashOf,
  passwordOf,
  ROLES,
  ROOT,
  USERS,
  whoOf,
} from "./claims.ts";
import { KEYS, NAMES } from "./keys.ts";
import type { Process, Running } from "./process.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";
import { describe } from "./text.ts";

export class Administrator {
  readonly #site: Site;
  readonly #random: SeededRandom;
  #count = 0;
  #stopped = false;

  constructor(site: Site) {
    this.#site = site;
    this.#random = new SeededRandom(site.seed, 7);
  }

  start(): void {
    const { schedule, profile, machines } = this.#site;
    if (this.#stopped) return;
    schedule.after(this.#random.exponential(profile.thinkMs), "think", undefined, () => {
      const up = machines.filter(({ process }) => process?.running !== undefined);
      const process = up.length === 0 ? undefined : this.#random.pick(up).process;
      if (process === undefined) return this.start();
      const forget = process.onDeath(() => this.start());
      schedule.after(0.1, "request", process, () => {
        const { running } = process;
        const next = () => {
          forget();
          this.start();
        };
        if (running === undefined) next();
        else this.#change(process, running, next);
      });
    });
  }

  /** Changes nothing any longer. */
  stop(): void {
    this.#stopped = true;
  }

  #change(process: Process, { service, core }: Running, next: () => void): void {
    const { history, trace, schedule } = this.#site;
    const command = this.#command();
    const claim = this.#claim();
    const write = history.write("root", command, false, claim);
    trace.line(
      schedule.nowMs,
      "root",
      () => `asks ${process.name} as ${describeClaim(claim)} ${describe(command)}`,
    );
    const unwatch = process.onDeath(() => history.lost(write));
    service.auth.write(whoOf(claim), command, false, (answer) => {
      if (process.isDead) return;
      trace.line(schedule.nowMs, "root", () => `is told ${describe(answer)}`);
      if (answer.ok && answer.value.kind === "done") {
        for (const { type } of command.changes) trace.happened(`auth: ${type}`);
      }
      unwatch();
      history.answered(write, answer, core.appliedIndex);
      next();
    });
  }

  /** As root, whose password is no secret here. */
  #claim(): Claim {
    const hash = this.#site.model.state.auth.users.get("root")?.passwordHash;
    if (hash === undefined || this.#random.chance(0.5)) return ROOT;
    return { kind: "password", user: "root", password: passwordOf(hash) };
  }

  #command(): AuthCommand {
    const { isEnabled, revision, users } = this.#site.model.state.auth;
    if (!users.has("root")) return command([...this.#root(), ...this.#others(), this.#enabling()]);
    if (!isEnabled && this.#random.chance(0.7)) return command([this.#enabling()]);
    const changes = [this.#one()];
    while (this.#random.chance(0.2)) changes.push(this.#one());
    return command(changes, this.#random.chance(0.2) ? revision : 0);
  }

  #root(): AuthChange[] {
    return [
      { type: "userAdd", user: "root", passwordHash: this.#hash(), noPassword: false },
      { type: "userGrantRole", user: "root", role: "root" },
    ];
  }

  /** Each with a role, and each role with something. */
  #others(): AuthChange[] {
    return USERS.flatMap((user, i): AuthChange[] => {
      const role = ROLES[i]!;
      return [
        { type: "roleAdd", role },
        { type: "userAdd", user, passwordHash: this.#hash(), noPassword: false },
        { type: "userGrantRole", user, role },
        { type: "roleGrantPermission", role, permission: this.#permission() },
      ];
    });
  }

  /** Another secret each time. */
  #enabling(): AuthChange {
    return { type: "authEnable", secret: Uint8Array.of(++this.#count & 255, this.#count >> 8) };
  }

  #one(): AuthChange {
    const random = this.#random;
    const user = random.chance(0.05) ? "root" : random.pick(USERS);
    const role = random.pick([...ROLES, ...ROLES, "guest"]);
    switch (
      random.weighted([
        ...[["grant", 8], ["withdraw", 3], ["give", 6], ["take", 3], ["password", 3]] as const,
        ...[["add", 3], ["delete", 1], ["addRole", 3], ["deleteRole", 1], ["off", 1]] as const,
      ])
    ) {
      case "grant":
        return { type: "roleGrantPermission", role, permission: this.#permission() };
      case "withdraw": {
        const held = this.#site.model.state.auth.roles.get(role) ?? [];
        const { key, rangeEnd } = held.length > 0 ? random.pick(held) : this.#permission();
        return { type: "roleRevokePermission", role, key, rangeEnd };
      }
      case "give":
        return { type: "userGrantRole", user, role };
      case "take":
        return { type: "userRevokeRole", user, role };
      case "password":
        return { type: "userChangePassword", user, passwordHash: this.#hash() };
      case "add": {
        const noPassword = random.chance(0.2);
        const passwordHash = noPassword ? "" : this.#hash();
        return { type: "userAdd", user, passwordHash, noPassword };
      }
      case "delete":
        return { type: "userDelete", user: random.pick(USERS) };
      case "addRole":
        return { type: "roleAdd", role };
      case "deleteRole":
        return { type: "roleDelete", role };
      case "off":
        return { type: "authDisable" };
    }
  }

  /** Wide ones more often, so that something can be done. */
  #permission(): Permission {
    const random = this.#random;
    const type = random.pick(["readWrite", "readWrite", "read", "write"] as const);
    const key = random.pick(["/", "/", "/x", "/x/", "f", ...KEYS, ...NAMES.paths]);
    const rangeEnd = random.pick([endOfPrefix(key), endOfPrefix(key), "", "\0"]);
    return { type, key, rangeEnd };
  }

  #hash(): string {
    return hashOf(`pw${++this.#count}`);
  }
}

function command(changes: readonly AuthChange[], ifRevision = 0): AuthCommand {
  return { type: "auth", changes, ifRevision };
}
