/** `etcd auth …`, `etcd user …` and `etcd role …`, by v3's JSON gateway. */
import { printable, UsageError } from "../config/usage_error.ts";
import { connect } from "./client.ts";
import { EXIT, type Invocation, type Run } from "./command.ts";
import { type Fields, Gateway, GatewayError } from "./gateway.ts";
import { endOfPrefix, fromKey, oneKey, type Range, underPrefix } from "./range.ts";
import { table } from "./table.ts";

const ROOT = "root";

/** Asks and says what came of it: `text` for people, the answer for programs. */
function asking(
  work: (gateway: Gateway, invocation: Invocation) => Promise<readonly [Fields, string]>,
): Run {
  return async (invocation) => {
    const { settings, terminal } = invocation;
    using client = await connect(settings, terminal);
    const [fields, text] = await work(new Gateway(client), invocation);
    const { header: _, ...told } = fields;
    terminal.write(settings.text("o") === "json" ? `${JSON.stringify(told)}\n` : text);
    return EXIT.ok;
  };
}

/** One request, and a sentence about it. */
function simply(
  path: string,
  message: (operands: readonly string[], invocation: Invocation) => object | Promise<object>,
  text: (operands: readonly string[]) => string,
): Run {
  return asking(async (gateway, invocation) => {
    const { operands } = invocation;
    const fields = await gateway.ask(path, await message(operands, invocation));
    return [fields, `${text(operands)}\n`];
  });
}

/** `etcd auth init` */
export const runInit: Run = asking(async (gateway, invocation) => {
  const password = await passwordOf(invocation, invocation.operands[0], ROOT);
  await unlessThere(gateway.ask("auth/user/add", { name: ROOT, password }), "user");
  await unlessThere(gateway.ask("auth/role/add", { name: ROOT }), "role");
  await gateway.ask("auth/user/grant", { user: ROOT, role: ROOT });
  const fields = await gateway.ask("auth/enable");
  return [fields, 'Authentication is on; log in with "-user root"\n'];
});

/** A role that is there already is as good; a user who is there has another password. */
async function unlessThere(made: Promise<Fields>, what: "user" | "role"): Promise<void> {
  try {
    await made;
  } catch (error) {
    if (!(error instanceof GatewayError) || !error.message.includes("already exists")) throw error;
    if (what === "role") return;
    throw new GatewayError(
      'There is a user root already: see "etcd user passwd" and "etcd auth enable"',
      error.code,
    );
  }
}

/** `etcd auth enable` */
export const runEnable: Run = simply("auth/enable", () => ({}), () => "Authentication is on");

/** `etcd auth disable` */
export const runDisable: Run = simply("auth/disable", () => ({}), () => "Authentication is off");

/** `etcd auth status` */
export const runStatus: Run = asking(async (gateway) => {
  const fields = await gateway.ask("auth/status");
  const { enabled = false, authRevision = "0" } = fields;
  return [fields, `Authentication is ${enabled ? "on" : "off"}, revision ${authRevision}\n`];
});

/** `etcd user add` */
export const runUserAdd: Run = simply("auth/user/add", async ([text = ""], invocation) => {
  const { name, password } = split(text);
  if (invocation.settings.boolean("no-password")) {
    if (password !== undefined) {
      throw new UsageError("Expected a name alone with -no-password, found a password too");
    }
    return { name, options: { no_password: true } };
  }
  return { name, password: await passwordOf(invocation, password, name) };
}, ([text = ""]) => `Made the user "${split(text).name}"`);

/** `etcd user list` */
export const runUserList: Run = asking(async (gateway) => {
  const fields = await gateway.ask("auth/user/list");
  return [fields, linesOf(fields.users)];
});

/** `etcd user get` */
export const runUserGet: Run = asking(async (gateway, { operands }) => {
  const fields = await gateway.ask("auth/user/get", { name: operands[0] });
  return [fields, linesOf(fields.roles)];
});

/** `etcd user delete` */
export const runUserDelete: Run = simply(
  "auth/user/delete",
  ([name]) => ({ name }),
  ([name]) => `Removed the user "${name}"`,
);

/** `etcd user passwd` */
export const runUserPassword: Run = simply(
  "auth/user/changepw",
  async ([name = "", password], invocation) => ({
    name,
    password: await passwordOf(invocation, password, name),
  }),
  ([name]) => `"${name}" has another password`,
);

/** `etcd user grant-role` */
export const runUserGrant: Run = simply(
  "auth/user/grant",
  ([user, role]) => ({ user, role }),
  ([user, role]) => `"${user}" has the role "${role}"`,
);

/** `etcd user revoke-role` */
export const runUserRevoke: Run = simply(
  "auth/user/revoke",
  ([name, role]) => ({ name, role }),
  ([user, role]) => `"${user}" no longer has the role "${role}"`,
);

/** `etcd role add` */
export const runRoleAdd: Run = simply(
  "auth/role/add",
  ([name]) => ({ name }),
  ([name]) => `Made the role "${name}"`,
);

/** `etcd role list` */
export const runRoleList: Run = asking(async (gateway) => {
  const fields = await gateway.ask("auth/role/list");
  return [fields, linesOf(fields.roles)];
});

/** `etcd role get` */
export const runRoleGet: Run = asking(async (gateway, { operands }) => {
  const fields = await gateway.ask("auth/role/get", { role: operands[0] });
  const permissions = Array.isArray(fields.perm) ? fields.perm : [];
  if (permissions.length === 0) return [fields, ""];
  return [fields, table([["TYPE", "KEYS"], ...permissions.map(describePermission)])];
});

/** `etcd role delete` */
export const runRoleDelete: Run = simply(
  "auth/role/delete",
  ([role]) => ({ role }),
  ([role]) => `Removed the role "${role}"`,
);

/** `etcd role grant-permission` */
export const runGrantPermission: Run = simply(
  "auth/role/grant",
  ([name, type = "", key = "", end], invocation) => ({
    name,
    perm: { permType: type.toUpperCase(), ...rangeOf(invocation, key, end) },
  }),
  ([name, type]) => `"${name}" may ${type} these keys`,
);

/** `etcd role revoke-permission` */
export const runRevokePermission: Run = simply(
  "auth/role/revoke",
  ([role, key = "", end], invocation) => ({ role, ...rangeOf(invocation, key, end) }),
  ([role]) => `"${role}" may no longer have these keys`,
);

function split(text: string): { readonly name: string; readonly password: string | undefined } {
  const colon = text.indexOf(":");
  return colon < 0
    ? { name: text, password: undefined }
    : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The new password that is given, or the first line of standard input: typed twice, as nobody sees it. */
async function passwordOf(
  { terminal }: Invocation,
  given: string | undefined,
  user: string,
): Promise<string> {
  if (given !== undefined && given !== "") return given;
  const line = await terminal.readSecret(`Password of ${printable(user)}: `);
  if (line === undefined || line === "") {
    throw new UsageError("Expected a password on standard input, found none");
  }
  if (terminal.hasKeyboard && await terminal.readSecret("The same again: ") !== line) {
    throw new UsageError("Expected the same password twice, found two");
  }
  return line;
}

function rangeOf({ settings }: Invocation, key: string, end: string | undefined): Range {
  const isPrefix = settings.boolean("prefix");
  const isFromKey = settings.boolean("from-key");
  if (Number(isPrefix) + Number(isFromKey) + Number(end !== undefined) > 1) {
    throw new UsageError("Expected END, -prefix or -from-key, found more than one of them");
  }
  const bytes = new TextEncoder().encode(key);
  if (isPrefix) return underPrefix(bytes);
  if (isFromKey) return fromKey(bytes);
  return { ...oneKey(bytes), range_end: new TextEncoder().encode(end ?? "").toBase64() };
}

/** Type and keys of a permission. */
function describePermission(permission: Fields): readonly string[] {
  const { permType = "READ", key = "", range_end: end = "" } = permission;
  const [from, to] = [textIn(key), textIn(end)];
  const type = String(permType).toLowerCase();
  if (to === "") return [type, printable(from)];
  if (to === "\0") return [type, from === "\0" ? "all" : `${printable(from)} and all after it`];
  const prefix = textIn(endOfPrefix(new TextEncoder().encode(from)).toBase64());
  if (to === prefix) return [type, `${printable(from)}*`];
  return [type, `${printable(from)} up to ${printable(to)}`];
}

function textIn(base64: unknown): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(String(base64)));
}

function linesOf(names: unknown): string {
  return Array.isArray(names) ? names.map((name) => `${printable(String(name))}\n`).join("") : "";
}
