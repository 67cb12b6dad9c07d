/** Random changes of users, roles and the switch, most of which can be made. */
import { endOfPrefix } from "../../../src/store/byte_string.ts";
import type {
  AuthChange,
  AuthCommand,
  Permission,
} from "../../../src/store/command/auth_command.ts";
import type { Choices } from "../model_commands.ts";
import type { AuthState } from "./model.ts";

/** Beside root. Each may have more than one role, and a role more than one user. */
export const USERS: readonly string[] = ["ann", "bob", "eve"];
export const ROLES: readonly string[] = ["r1", "r2", "r3"];

/** Each as often as it stands there. */
const KINDS = [
  ...["grant", "grant", "grant", "grant", "withdraw", "give", "give", "give", "take"] as const,
  ...["password", "password", "add", "delete", "addRole", "addRole", "deleteRole", "off"] as const,
];

/** What stands for a password in a log that nobody hashes for. */
export function hashOf(password: string): string {
  return `plain:${password}`;
}

export class ChangeMaker {
  readonly #choices: Choices;
  /** As of the newest entry. */
  readonly #state: () => AuthState;
  /** That permissions are about. */
  readonly #keys: readonly string[];
  #count = 0;

  constructor(choices: Choices, state: () => AuthState, keys: readonly string[]) {
    this.#choices = choices;
    this.#state = state;
    this.#keys = keys;
  }

  command(): AuthCommand {
    const choices = this.#choices;
    const { isEnabled, revision, users } = this.#state();
    if (!users.has("root")) return command([...this.#root(), ...this.#others(), this.#enabling()]);
    if (!isEnabled && choices.chance(0.7)) return command([this.#enabling()]);
    const changes = [this.#one()];
    while (choices.chance(0.2)) changes.push(this.#one());
    return command(changes, choices.chance(0.2) ? revision : 0);
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
    const choices = this.#choices;
    const user = choices.chance(0.05) ? "root" : choices.pick(USERS);
    const role = choices.pick([...ROLES, ...ROLES, "guest"]);
    switch (choices.pick(KINDS)) {
      case "grant":
        return { type: "roleGrantPermission", role, permission: this.#permission() };
      case "withdraw": {
        const held = this.#state().roles.get(role) ?? [];
        const { key, rangeEnd } = held.length > 0 ? choices.pick(held) : this.#permission();
        return { type: "roleRevokePermission", role, key, rangeEnd };
      }
      case "give":
        return { type: "userGrantRole", user, role };
      case "take":
        return { type: "userRevokeRole", user, role };
      case "password":
        return { type: "userChangePassword", user, passwordHash: this.#hash() };
      case "add": {
        const noPassword = choices.chance(0.2);
        const passwordHash = noPassword ? "" : this.#hash();
        return { type: "userAdd", user, passwordHash, noPassword };
      }
      case "delete":
        return { type: "userDelete", user: choices.pick(USERS) };
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
    const choices = this.#choices;
    const type = choices.pick(["readWrite", "readWrite", "read", "write"] as const);
    const key = choices.pick(this.#keys);
    const rangeEnd = choices.pick([endOfPrefix(key), endOfPrefix(key), "", "\0"]);
    return { type, key, rangeEnd };
  }

  #hash(): string {
    return hashOf(`pw${++this.#count}`);
  }
}

function command(changes: readonly AuthChange[], ifRevision = 0): AuthCommand {
  return { type: "auth", changes, ifRevision };
}
