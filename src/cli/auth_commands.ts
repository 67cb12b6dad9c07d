/** The rows of the commands about users, roles and the switch; the words are etcdctl's. */
import type { Flag } from "../config/flags.ts";
import type { Command, Operand, Run } from "./command.ts";
import { CONNECTION_FLAGS, OUTPUT_FLAG } from "./connection_flags.ts";

const FLAGS: readonly Flag[] = [OUTPUT_FLAG, ...CONNECTION_FLAGS];

const PREFIX: Flag = {
  name: "prefix",
  kind: "boolean",
  initial: false,
  help: "all keys that begin with KEY",
};

const FROM_KEY: Flag = {
  name: "from-key",
  kind: "boolean",
  initial: false,
  help: "all keys from KEY on, in the order of their bytes",
};

const NO_PASSWORD: Flag = {
  name: "no-password",
  kind: "boolean",
  initial: false,
  help: "a user who is known by the name in a certificate alone",
};

const USER: Operand = { name: "NAME" };
const ROLE: Operand = { name: "ROLE" };
const RANGE: readonly Operand[] = [{ name: "KEY" }, { name: "END", optional: true }];

/** A row; `example` is the line without "etcd" and the name. */
function row(
  name: string,
  summary: string,
  operands: readonly Operand[],
  example: readonly [rest: string, says: string],
  load: () => Promise<Run>,
  more: { readonly description?: readonly string[]; readonly flags?: readonly Flag[] } = {},
): Command {
  const [rest, says] = example;
  return {
    name,
    group: "Users",
    summary,
    operands,
    ...(more.description !== undefined && { description: more.description }),
    flags: [...more.flags ?? [], ...FLAGS],
    examples: [{ line: `etcd ${name}${rest === "" ? "" : ` ${rest}`}`, says }],
    load,
  };
}

const auth = () => import("./auth.ts");

const STANDARD_INPUT =
  "A password that is not given is read from the first line of standard input; on a terminal it is asked for twice and does not show.";

/** In the order of the help text. */
export const AUTH_COMMANDS: readonly Command[] = [
  row(
    "auth init",
    "make the user root and switch authentication on",
    [{ name: "PASSWORD", optional: true }],
    ["", "asks for the password of root"],
    async () => (await auth()).runInit,
    {
      description: [
        "From then on every API asks who somebody is, and guests may do nothing until a role guest says otherwise.",
        STANDARD_INPUT,
      ],
    },
  ),
  row(
    "auth enable",
    "switch authentication on",
    [],
    ["", "there must be a user root with the role root"],
    async () => (await auth()).runEnable,
  ),
  row(
    "auth disable",
    "switch authentication off: everybody may do everything",
    [],
    ["-user root", "users and roles stay"],
    async () => (await auth()).runDisable,
  ),
  row(
    "auth status",
    "tell whether authentication is on",
    [],
    ["", "and how often users and roles have changed"],
    async () => (await auth()).runStatus,
  ),
  row(
    "user add",
    "make a user",
    [{ name: "NAME[:PASSWORD]" }],
    ["ann -user root", "asks for the password of ann"],
    async () => (await auth()).runUserAdd,
    { flags: [NO_PASSWORD], description: [STANDARD_INPUT] },
  ),
  row(
    "user list",
    "list the users",
    [],
    ["-user root", "by name"],
    async () => (await auth()).runUserList,
  ),
  row(
    "user get",
    "list the roles of a user",
    [USER],
    ["ann -user ann", "everybody may ask for themselves"],
    async () => (await auth()).runUserGet,
  ),
  row(
    "user delete",
    "remove a user, whose tokens are dead from then on",
    [USER],
    ["ann -user root", "root stays while authentication is on"],
    async () => (await auth()).runUserDelete,
  ),
  row(
    "user passwd",
    "give a user another password",
    [USER, { name: "PASSWORD", optional: true }],
    ["ann -user root", "whoever is logged in as ann has to log in again"],
    async () => (await auth()).runUserPassword,
    { description: [STANDARD_INPUT] },
  ),
  row(
    "user grant-role",
    "give a user a role",
    [USER, ROLE],
    ["ann readers -user root", "ann may do what readers may"],
    async () => (await auth()).runUserGrant,
  ),
  row(
    "user revoke-role",
    "take a role from a user",
    [USER, ROLE],
    ["ann readers -user root", "watches that ann may no longer see end"],
    async () => (await auth()).runUserRevoke,
  ),
  row(
    "role add",
    "make a role, which may do nothing yet",
    [ROLE],
    ["readers -user root", 'the role "guest" is for who brings no password to v1 and v2'],
    async () => (await auth()).runRoleAdd,
  ),
  row(
    "role list",
    "list the roles",
    [],
    ["-user root", "by name"],
    async () => (await auth()).runRoleList,
  ),
  row(
    "role get",
    "list what a role may do",
    [ROLE],
    ["readers -user root", "one line for each range"],
    async () => (await auth()).runRoleGet,
  ),
  row(
    "role delete",
    "remove a role, from its users as well",
    [ROLE],
    ["readers -user root", "at once"],
    async () => (await auth()).runRoleDelete,
  ),
  row(
    "role grant-permission",
    "let a role read or write keys",
    [ROLE, { name: "TYPE", choices: ["read", "write", "readwrite"] }, ...RANGE],
    ["readers read /app/ -prefix -user root", "all keys below /app"],
    async () => (await auth()).runGrantPermission,
    {
      flags: [PREFIX, FROM_KEY],
      description: [
        "One key, the keys from KEY up to END without END, or what a flag says. A directory of v1 and v2 is the prefix that ends with a slash.",
      ],
    },
  ),
  row(
    "role revoke-permission",
    "take keys from a role, as they were granted",
    [ROLE, ...RANGE],
    ["readers /app/ -prefix -user root", "at once"],
    async () => (await auth()).runRevokePermission,
    { flags: [PREFIX, FROM_KEY] },
  ),
];
