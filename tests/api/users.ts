/** Users for a port under test: root, ann who has "/a/*", and bob who has nothing. */
import { assert } from "@std/assert";
import { makeSecret } from "../../src/service/auth/tokens.ts";
import type { Service } from "../../src/service/service.ts";
import type { AuthChange } from "../../src/store/command/auth_command.ts";

/** The Authorization header of a user whose password is the name. */
export function basicOf(user: string): Readonly<Record<string, string>> {
  return { authorization: `Basic ${btoa(`${user}:${user}`)}` };
}

/** As nobody while authentication is off, as root when it is on. */
export async function changeUsers(
  { auth }: Service,
  changes: readonly AuthChange[],
): Promise<void> {
  const header = basicOf("root").authorization!;
  const command = { type: "auth", changes, ifRevision: 0 } as const;
  await new Promise<void>((resolve) => {
    auth.write(() => ({ kind: "basic", header }), command, false, (answer) => {
      assert(answer.ok && answer.value.kind === "done", JSON.stringify(answer));
      resolve();
    });
  });
}

/** Switches authentication on. */
export async function enableUsers(service: Service): Promise<void> {
  const { authenticator } = service;
  const user = async (name: string): Promise<AuthChange> => ({
    type: "userAdd",
    user: name,
    passwordHash: await authenticator.hashPassword(name),
    noPassword: false,
  });
  await changeUsers(service, [
    await user("root"),
    { type: "roleAdd", role: "root" },
    { type: "userGrantRole", user: "root", role: "root" },
    await user("ann"),
    await user("bob"),
    { type: "roleAdd", role: "a" },
    {
      type: "roleGrantPermission",
      role: "a",
      permission: { type: "readWrite", key: "/a/", rangeEnd: "/a0" },
    },
    { type: "userGrantRole", user: "ann", role: "a" },
    { type: "authEnable", secret: makeSecret() },
  ]);
}
