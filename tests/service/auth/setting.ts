/** A member with users: "root", "ann" who reads and writes what begins with "a", and "bob" who may nothing. */
import { assert } from "@std/assert";
import type { Audit } from "../../../src/service/auth/audit.ts";
import type { Credentials } from "../../../src/service/auth/credentials.ts";
import { Passwords } from "../../../src/service/auth/passwords.ts";
import { makeSecret, type TokenScheme } from "../../../src/service/auth/tokens.ts";
import { Service } from "../../../src/service/service.ts";
import type { AuthChange } from "../../../src/store/command/auth_command.ts";
import { encodeCommand } from "../../../src/store/command/codec.ts";
import type { Command } from "../../../src/store/command/command.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeNode } from "../../api/fake_node.ts";

/** A millisecond, instead of 50. */
export const CHEAP = { logN: 1, r: 1, p: 1, bcrypt: 4 } as const;

export const ROOT_PASSWORD = "rpw";
export const ANN_PASSWORD = "apw:with colon";

export interface Member {
  readonly node: FakeNode;
  readonly store: Store;
  readonly service: Service;
}

/** Passwords, and how often one had to be looked at. */
export class CountedPasswords extends Passwords {
  verified = 0;

  override verify(...of: Parameters<Passwords["verify"]>): Promise<boolean> {
    this.verified++;
    return super.verify(...of);
  }
}

export function memberWithoutUsers(
  tokens?: TokenScheme,
  audit?: Audit,
  passwords = new Passwords(CHEAP),
): Member {
  const store = new Store();
  const node = new FakeNode(store);
  const service = new Service({ node, store, passwords, ...(tokens && { tokens }), audit });
  return { node, store, service };
}

/** Authentication is on. */
export async function memberWithUsers(
  tokens?: TokenScheme,
  audit?: Audit,
  passwords?: Passwords,
): Promise<Member> {
  const member = memberWithoutUsers(tokens, audit, passwords);
  const { authenticator } = member.service;
  const hash = (password: string) => authenticator.hashPassword(password);
  await change(member, [
    { type: "userAdd", user: "root", passwordHash: await hash(ROOT_PASSWORD), noPassword: false },
    { type: "userGrantRole", user: "root", role: "root" },
    { type: "userAdd", user: "ann", passwordHash: await hash(ANN_PASSWORD), noPassword: false },
    { type: "roleAdd", role: "a" },
    {
      type: "roleGrantPermission",
      role: "a",
      permission: { type: "readWrite", key: "a", rangeEnd: "b" },
    },
    { type: "userGrantRole", user: "ann", role: "a" },
    { type: "userAdd", user: "bob", passwordHash: "", noPassword: true },
    { type: "authEnable", secret: makeSecret() },
  ]);
  return member;
}

/** As the cluster's operator: nobody is asked. */
export async function change({ node, store }: Member, changes: readonly AuthChange[]) {
  const requester = { user: "root", authRevision: store.auth.revision };
  const command = { type: "auth", changes, ifRevision: 0 } as const;
  await new Promise<void>((resolve) => {
    node.propose(encodeCommand(command, requester), (outcome) => {
      assert(outcome.ok && outcome.value.kind === "done", JSON.stringify(outcome));
      resolve();
    });
  });
}

/** What becomes of a command: "done", or why not. */
export function write(
  { service }: Member,
  credentials: Credentials,
  command: Command,
): Promise<string> {
  return new Promise((resolve) => {
    service.auth.write(() => credentials, command, false, (answer) => {
      if (!answer.ok) resolve(answer.reason);
      else resolve(answer.value.kind === "rejected" ? answer.value.reason : "done");
    });
  });
}

/** Whether ann's key can be read, or why not. */
export async function read(
  { service }: Member,
  credentials: Credentials,
  key = "a",
): Promise<string> {
  return await service.auth.read(
    () => credentials,
    (_store, _nowMs, rights) => rights.has("read", key) ? "read" : "no",
    (problem) => problem,
    ({ reason }) => reason,
  );
}

/** A token, or why there is none. */
export async function login(
  { service }: Member,
  user: string,
  password: string,
  address?: string,
): Promise<string> {
  const outcome = await service.authenticator.login(user, password, address);
  return outcome.kind === "token"
    ? outcome.token
    : outcome.kind === "refused"
    ? outcome.reason
    : outcome.failure.reason;
}

export function token(text: string): Credentials {
  return { kind: "token", token: text };
}

export function basic(user: string, password: string): Credentials {
  const text = new TextEncoder().encode(`${user}:${password}`).toBase64();
  return { kind: "basic", header: `Basic ${text}` };
}
