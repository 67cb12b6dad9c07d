/** `etcd members` and `etcd member remove`: who is in the cluster, and the way out of it. */
import { printable, UsageError } from "../config/usage_error.ts";
import { type Client, connect, unexpectedBody } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { parseItem, read } from "./items.ts";
import { table } from "./table.ts";

/** How long a member may take to tell its role; the list has to come, even if some are down. */
const ROLE_TIMEOUT_MS = 3_000;

interface MemberRow {
  readonly name: string;
  /** In its own words: `leader`, `follower`, `learner` ...; `unreachable` when it has none. */
  readonly role: string;
  /** Whether the cluster follows it, as the server that was asked knows. */
  readonly leader: boolean;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly problem?: string;
}

/** `etcd members` */
export async function runMembers({ settings, terminal }: Invocation): Promise<number> {
  using client = await connect(settings, terminal);
  // Without a quorum this is asked most, so what one server knows has to do.
  const { found } = await read(client, "/_etcd/machines", true);
  const listed = found.kind === "directory" ? found.children : [];
  const [leader, members] = await Promise.all([
    askLeader(client),
    Promise.all(listed.map(({ key, value = "" }) => describe(client, key, value))),
  ]);
  const rows: MemberRow[] = members.map((member) => ({
    ...member,
    leader: member.peerUrl === leader.url,
  }));
  terminal.write(settings.text("o") === "json" ? `${JSON.stringify(rows)}\n` : tableOf(rows));
  if (leader.problem !== undefined) throw leader.problem;
  return EXIT.ok;
}

/** `etcd member remove NAME` */
export async function runRemoveMember(
  { settings, operands, terminal }: Invocation,
): Promise<number> {
  const name = operands[0]!;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new UsageError(
      `Expected the name of a member, found "${printable(name)}": see "etcd members"`,
    );
  }
  using client = await connect(settings, terminal);
  const body = await client.get({ method: "DELETE", path: `/v1/machines/${name}` });
  terminal.write(
    settings.text("o") === "json"
      ? `${body}\n`
      : `Removed "${name}", index ${parseItem(body).index}\n`,
  );
  return EXIT.ok;
}

interface Leader {
  /** Its peer URL, empty when there is none. */
  readonly url: string;
  readonly problem: CommandError | undefined;
}

async function askLeader(client: Client): Promise<Leader> {
  try {
    const url = await client.get({ method: "GET", path: "/leader" });
    return { url: url.trim(), problem: undefined };
  } catch (error) {
    if (error instanceof CommandError) return { url: "", problem: error };
    throw error;
  }
}

/** From its record in `/_etcd/machines`, and by asking itself. */
async function describe(
  client: Client,
  key: string,
  value: string,
): Promise<Omit<MemberRow, "leader">> {
  const record = new URLSearchParams(value);
  const clientUrl = record.get("etcd") ?? "";
  const known = {
    name: key.slice(key.lastIndexOf("/") + 1),
    clientUrl,
    peerUrl: record.get("raft") ?? "",
  };
  try {
    const request = { method: "GET", path: "/v1/stats/self", timeoutMs: ROLE_TIMEOUT_MS } as const;
    return { ...known, role: roleIn(await client.at(clientUrl).get(request)) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const problem = error.message.replace(`Cannot reach "${clientUrl}": `, "");
    return { ...known, role: "unreachable", problem };
  }
}

function roleIn(body: string): string {
  try {
    const { state } = JSON.parse(body);
    if (typeof state === "string") return state;
  } catch {
    // Told below.
  }
  throw unexpectedBody(body);
}

function tableOf(rows: readonly MemberRow[]): string {
  const isSound = rows.every(({ problem }) => problem === undefined);
  return table([
    ["NAME", "ROLE", "CLIENTS", "PEERS", ...(isSound ? [] : ["PROBLEM"])],
    ...rows.map(({ name, role, leader, clientUrl, peerUrl, problem = "" }) => [
      ...[name, leader ? "leader" : role, clientUrl, peerUrl],
      ...(isSound ? [] : [problem]),
    ]),
  ]);
}
