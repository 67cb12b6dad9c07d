/** A store with users and roles, to which commands are applied in somebody's name. */
import { assertEquals } from "@std/assert";
import type {
  AuthChange,
  Permission,
  PermissionType,
} from "../../../src/store/command/auth_command.ts";
import { encodeCommand } from "../../../src/store/command/codec.ts";
import { type Command, NOBODY, type Requester } from "../../../src/store/command/command.ts";
import type { Rejected, Result } from "../../../src/store/result.ts";
import { Store } from "../../../src/store/store.ts";

export const SECRET = Uint8Array.from([1, 2, 3]);

export class AuthLog {
  readonly store = new Store();
  #index = 0;

  apply(command: Command, requester: Requester = NOBODY): Result {
    return this.store.apply(++this.#index, encodeCommand(command, requester));
  }

  /** In the name of `user`, judged by the users and roles of now. */
  applyAs(user: string, command: Command): Result {
    return this.apply(command, { user, authRevision: this.store.auth.revision });
  }

  /** "done", or why it is refused. */
  change(changes: AuthChange | readonly AuthChange[], user = "", ifRevision = 0): string {
    const list = Array.isArray(changes) ? changes : [changes];
    return outcome(this.applyAs(user, { type: "auth", changes: list, ifRevision }));
  }

  /** User and role root, `others` each with a role of their name, and the switch. */
  enable(others: Readonly<Record<string, readonly Permission[]>> = {}): void {
    assertEquals(this.change(rootChanges()), "done");
    for (const [name, permissions] of Object.entries(others)) {
      assertEquals(this.change(userWithRole(name, permissions)), "done");
    }
    assertEquals(this.change({ type: "authEnable", secret: SECRET }), "done");
  }

  /** Whether `user` may have `command` carried out; what else becomes of it does not matter. */
  allows(user: string, command: Command): boolean {
    return outcome(this.applyAs(user, command)) !== "permissionDenied";
  }
}

/** "done", or the reason of a rejection. */
export function outcome(result: Result): Rejected["reason"] | "done" {
  return result.kind === "rejected" ? result.reason : "done";
}

export function rootChanges(): AuthChange[] {
  return [
    { type: "roleAdd", role: "root" },
    userAdd("root"),
    { type: "userGrantRole", user: "root", role: "root" },
  ];
}

export function userAdd(user: string, passwordHash = "hash"): AuthChange {
  return { type: "userAdd", user, passwordHash, noPassword: false };
}

export function permission(type: PermissionType, key: string, rangeEnd = ""): Permission {
  return { type, key, rangeEnd };
}

export function userWithRole(name: string, permissions: readonly Permission[]): AuthChange[] {
  return [
    { type: "roleAdd", role: name },
    userAdd(name),
    { type: "userGrantRole", user: name, role: name },
    ...permissions.map((permission) =>
      ({ type: "roleGrantPermission", role: name, permission }) as const
    ),
  ];
}
