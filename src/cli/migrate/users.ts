/** Copies users and roles, as far as the source tells them: passwords nobody tells. */
import { type Fields, GatewayError, type GatewayPort } from "../gateway.ts";
import { listOf, textOf } from "./items.ts";

export interface CopiedUsers {
  readonly roles: number;
  /** By name; each needs a new password. */
  readonly users: readonly string[];
}

/** Code of what is there already, as gRPC has it. */
const FAILED_PRECONDITION = 9;

/** Of a password that nobody knows. */
const PASSWORD_BYTES = 32;

/** Undefined where the source does not tell whoever asks. */
export async function copyUsers(
  source: GatewayPort,
  target: GatewayPort,
): Promise<CopiedUsers | undefined> {
  try {
    const roles = namesOf(await source.ask("auth/role/list"), "roles");
    for (const role of roles) await copyRole(source, target, role);
    const users = namesOf(await source.ask("auth/user/list"), "users");
    for (const user of users) await copyUser(source, target, user);
    return { roles: roles.length, users };
  } catch (error) {
    if (error instanceof GatewayError && DENIED.test(error.message)) return undefined;
    throw error;
  }
}

const DENIED = /permission denied|user name is empty/;

async function copyRole(source: GatewayPort, target: GatewayPort, role: string): Promise<void> {
  const found = await source.ask("auth/role/get", { role });
  await target.ask("auth/role/add", { name: role }).catch(unlessThere);
  for (const perm of listOf(found, "perm")) {
    await target.ask("auth/role/grant", { name: role, perm: permissionOf(perm) });
  }
}

/** What is left out in JSON has a meaning. */
function permissionOf(perm: Fields): Fields {
  return {
    permType: textOf(perm, "permType") || "READ",
    key: textOf(perm, "key"),
    range_end: textOf(perm, "range_end"),
  };
}

async function copyUser(source: GatewayPort, target: GatewayPort, name: string): Promise<void> {
  const found = await source.ask("auth/user/get", { name });
  const password = btoa(
    String.fromCharCode(...crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES))),
  );
  await target.ask("auth/user/add", { name, password }).catch(unlessThere);
  for (const role of namesOf(found, "roles")) {
    await target.ask("auth/user/grant", { user: name, role });
  }
}

function unlessThere(error: unknown): void {
  if (!(error instanceof GatewayError) || error.code !== FAILED_PRECONDITION) throw error;
}

function namesOf(fields: Fields, name: string): readonly string[] {
  return listOf(fields, name).map(String);
}
