/**
 * The systems that are measured: this one and Debian's etcd, each as one to three
 * processes on loopback with their data on the same disk, and with the same
 * promise: an acknowledged write is synced on a quorum.
 */

/** How a system spells the requests that are compared. */
export interface Dialect {
  readonly putMethod: "POST" | "PUT";
  /** Of a key by its number, for `wrk`. */
  readonly keyPath: (prefix: string) => string;
  /** Answered from local state. */
  readonly localQuery: string;
  /** Answered after a quorum was asked. */
  readonly linearizableQuery: string;
  /** Answers at the next change of `key`. */
  readonly watchPath: (key: string) => string;
  readonly writePath: (key: string) => string;
}

export interface Process {
  readonly pid: number;
  readonly clientUrl: string;
}

/** A running system. */
export interface Subject {
  readonly name: string;
  readonly dialect: Dialect;
  readonly leader: Process;
  readonly followers: readonly Process[];
  /** Ends all processes by SIGKILL and starts the first again on its data; resolves when it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** What is needed to run a system. */
interface Recipe {
  readonly name: string;
  readonly dialect: Dialect;
  readonly command: string;
  /** Of member `number` of `members`, counted from 1. */
  readonly args: (number: number, members: number, directory: string) => string[];
  readonly clientPort: (number: number) => number;
  /** Whether the answer of `statusPath` says that this member leads. */
  readonly statusPath: string;
  readonly leads: (body: string, clientPort: number) => boolean;
}

const HOST = "127.0.0.1";

/** Ports that neither a node nor an etcd of the user would use. */
const OURS_PORT = 24_100;
const ETCD_PORT = 24_200;
const PEER_OFFSET = 50;

const OURS: Dialect = {
  putMethod: "POST",
  keyPath: (prefix) => `/v1/keys/${prefix}%010d`,
  localQuery: "?stale=true",
  linearizableQuery: "",
  watchPath: (key) => `/v1/watch/${key}`,
  writePath: (key) => `/v1/keys/${key}`,
};

const V2: Dialect = {
  putMethod: "PUT",
  keyPath: (prefix) => `/v2/keys/${prefix}%010d`,
  localQuery: "",
  linearizableQuery: "?quorum=true",
  watchPath: (key) => `/v2/keys/${key}?wait=true`,
  writePath: (key) => `/v2/keys/${key}`,
};

/** This system; `command` runs it. */
export function ours(command: string, leading: readonly string[]): Recipe {
  return {
    name: "etcd for Deno",
    dialect: OURS,
    command,
    args: (number, _members, directory) => [
      ...leading,
      ...["-d", `${directory}/ours${number}`],
      ...["-c", `${HOST}:${OURS_PORT + number}`],
      ...["-s", `${HOST}:${OURS_PORT + PEER_OFFSET + number}`],
      ...(number > 1 ? ["-C", `${HOST}:${OURS_PORT + PEER_OFFSET + 1}`] : []),
    ],
    clientPort: (number) => OURS_PORT + number,
    statusPath: "/leader",
    leads: (body, clientPort) => body === `http://${HOST}:${clientPort + PEER_OFFSET}`,
  };
}

/** Debian's etcd, by its v2 API. */
export function debianEtcd(): Recipe {
  const peerUrl = (number: number) => `http://${HOST}:${ETCD_PORT + PEER_OFFSET + number}`;
  const clientUrl = (number: number) => `http://${HOST}:${ETCD_PORT + number}`;
  return {
    name: "etcd 3.4 (v2 API)",
    dialect: V2,
    command: "etcd",
    args: (number, members, directory) => [
      ...["--name", `m${number}`, "--data-dir", `${directory}/etcd${number}`],
      ...["--enable-v2=true", "--log-level", "error"],
      ...["--listen-client-urls", clientUrl(number), "--advertise-client-urls", clientUrl(number)],
      ...["--listen-peer-urls", peerUrl(number)],
      ...["--initial-advertise-peer-urls", peerUrl(number)],
      "--initial-cluster",
      Array.from({ length: members }, (_, i) => `m${i + 1}=${peerUrl(i + 1)}`).join(","),
    ],
    clientPort: (number) => ETCD_PORT + number,
    statusPath: "/v2/stats/self",
    leads: (body) => body.includes('"state":"StateLeader"'),
  };
}

/** Starts `members` processes on a new directory; resolves when one leads and takes writes. */
export async function startSubject(recipe: Recipe, members: number): Promise<Subject> {
  const directory = await Deno.makeTempDir({ prefix: "bench-" });
  const children: Deno.ChildProcess[] = [];
  const start = async (number: number) => {
    const child = new Deno.Command(recipe.command, {
      args: recipe.args(number, members, directory),
      stdout: "null",
      stderr: "null",
    }).spawn();
    children[number - 1] = child;
    // A newcomer of ours joins a running member; etcd's members wait for each other.
    if (recipe.dialect === OURS) await untilAnswers(recipe, number);
  };
  for (let number = 1; number <= members; number++) await start(number);
  const numbers = children.map((_, i) => i + 1);
  const leading = await untilLed(recipe, numbers);
  const processes = numbers.map((number) => ({
    pid: children[number - 1]!.pid,
    clientUrl: `http://${HOST}:${recipe.clientPort(number)}`,
  }));
  const kill = async () => {
    for (const child of children) {
      try {
        child.kill("SIGKILL");
      } catch { /* It has ended by itself. */ }
      await child.status;
    }
  };
  const subject = {
    name: recipe.name,
    dialect: recipe.dialect,
    leader: processes[leading - 1]!,
    followers: processes.filter((_, i) => i !== leading - 1),
    restart: async () => {
      await kill();
      await start(1);
      await untilLed(recipe, [1]);
      subject.leader = { ...subject.leader, pid: children[0]!.pid };
    },
    stop: async () => {
      await kill();
      await Deno.remove(directory, { recursive: true });
    },
  };
  return subject;
}

async function untilAnswers(recipe: Recipe, number: number): Promise<void> {
  await until(async () => await status(recipe, number) !== undefined);
}

/** The number of the member that leads and has committed something. */
async function untilLed(recipe: Recipe, numbers: readonly number[]): Promise<number> {
  let found = 0;
  await until(async () => {
    for (const number of numbers) {
      const body = await status(recipe, number);
      if (body === undefined || !recipe.leads(body, recipe.clientPort(number))) continue;
      if (!(await canWrite(recipe, number))) continue;
      found = number;
      return true;
    }
    return false;
  });
  return found;
}

async function status(recipe: Recipe, number: number): Promise<string | undefined> {
  try {
    const url = `http://${HOST}:${recipe.clientPort(number)}${recipe.statusPath}`;
    const response = await fetch(url);
    const body = await response.text();
    return response.ok ? body : undefined;
  } catch {
    return undefined;
  }
}

async function canWrite({ dialect, clientPort }: Recipe, number: number): Promise<boolean> {
  const url = `http://${HOST}:${clientPort(number)}${dialect.writePath("ready")}`;
  const response = await fetch(url, {
    method: dialect.putMethod,
    body: new URLSearchParams({ value: "1" }),
  });
  await response.body?.cancel();
  return response.ok;
}

const START_TIMEOUT_MS = 120_000;
const POLL_MS = 10;

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("Expected the system to start, it did not");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export type { Recipe };
