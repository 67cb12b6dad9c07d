/**
 * The systems that are measured: this one and Debian's etcd, each as one to three
 * processes on loopback with their data on the same disk, started by the same flags,
 * and with the same promise: an acknowledged write is synced on a quorum.
 */
import { fileURLToPath } from "node:url";
import type { Files } from "./generator.ts";

export interface Process {
  readonly pid: number;
  readonly clientUrl: string;
}

/** A running system. */
export interface Subject {
  readonly name: string;
  readonly leader: Process;
  readonly followers: readonly Process[];
  /** What a client needs under mutual TLS; undefined when the ports are plain. */
  readonly tls: Files | undefined;
  /** Asks the leader. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Ends all processes by SIGKILL and starts the first again on its data; resolves when it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** What is needed to run a system. */
export interface Recipe {
  readonly name: string;
  readonly command: string;
  /** Before and after the flags that all have. */
  readonly leading: readonly string[];
  readonly own: readonly string[];
  /** Of the first member; peer ports are above. */
  readonly port: number;
}

const HOST = "127.0.0.1";
const PEER_OFFSET = 50;

/** This system; `command` runs it. The ports are none that a node of the user would have. */
export function ours(command: string, leading: readonly string[]): Recipe {
  return { name: "etcd for Deno", command, leading, own: [], port: 24_101 };
}

/** Debian's etcd. */
export function debianEtcd(): Recipe {
  const own = ["--enable-v2=true", "--log-level", "error"];
  return { name: "etcd 3.4", command: "etcd", leading: [], own, port: 24_201 };
}

/** A key of v2 that exists only to show that writes are taken. */
const READY = "/v2/keys/ready";

const ca = (name: string) => fileURLToPath(new URL(`../../fixtures/ca/${name}`, import.meta.url));

/** ECDSA, as anybody would make them today. */
const SERVER: Files = {
  ca: ca("ca.crt"),
  cert: ca("server.crt"),
  key: ca("server.key.insecure"),
};
const CLIENT: Files = { ...SERVER, cert: ca("client.crt"), key: ca("client.key.insecure") };

/** Starts `members` processes on a new directory; resolves when one leads and takes writes. */
export async function startSubject(
  recipe: Recipe,
  members: number,
  isMutual = false,
): Promise<Subject> {
  const directory = await Deno.makeTempDir({ prefix: "bench-" });
  const numbers = Array.from({ length: members }, (_, i) => i + 1);
  const children = new Map<number, Deno.ChildProcess>();
  const client = isMutual ? httpClient(CLIENT) : undefined;
  const ask = (number: number, path: string, init: RequestInit = {}) =>
    fetch(clientUrl(recipe, number, isMutual) + path, { ...init, ...(client && { client }) });
  const start = (number: number) => {
    const args = argumentsOf(recipe, number, numbers, directory, isMutual);
    const child = new Deno.Command(recipe.command, { args, stdout: "null", stderr: "null" });
    children.set(number, child.spawn());
  };
  const kill = async () => {
    for (const child of children.values()) {
      try {
        child.kill("SIGKILL");
      } catch { /* It has ended by itself. */ }
      await child.status;
    }
    children.clear();
  };
  const process = (number: number): Process => ({
    pid: children.get(number)!.pid,
    clientUrl: clientUrl(recipe, number, isMutual),
  });
  const stop = async () => {
    await kill();
    client?.close();
    await Deno.remove(directory, { recursive: true });
  };
  for (const number of numbers) start(number);
  try {
    const leading = await untilLed(numbers, ask);
    const subject = {
      name: recipe.name,
      leader: process(leading),
      followers: numbers.filter((number) => number !== leading).map(process),
      tls: isMutual ? CLIENT : undefined,
      fetch: (path: string, init?: RequestInit) => ask(leading, path, init),
      restart: async () => {
        await kill();
        start(1);
        await untilLed([1], ask);
        subject.leader = process(1);
      },
      stop,
    };
    return subject;
  } catch (error) {
    await stop();
    throw error;
  }
}

function httpClient({ ca, cert, key }: Files): Deno.HttpClient {
  const [authority, certificate, secret] = [ca, cert, key].map((path) =>
    Deno.readTextFileSync(path)
  );
  return Deno.createHttpClient({ caCerts: [authority!], cert: certificate!, key: secret! });
}

function clientUrl({ port }: Recipe, number: number, isMutual: boolean): string {
  return `${isMutual ? "https" : "http"}://${HOST}:${port + number - 1}`;
}

function argumentsOf(
  recipe: Recipe,
  number: number,
  numbers: readonly number[],
  directory: string,
  isMutual: boolean,
): string[] {
  const peerUrl = (member: number) => `http://${HOST}:${recipe.port + PEER_OFFSET + member - 1}`;
  const url = clientUrl(recipe, number, isMutual);
  return [
    ...recipe.leading,
    ...["--name", `m${number}`, "--data-dir", `${directory}/m${number}`],
    ...["--listen-client-urls", url, "--advertise-client-urls", url],
    ...["--listen-peer-urls", peerUrl(number)],
    ...["--initial-advertise-peer-urls", peerUrl(number)],
    ...["--initial-cluster", numbers.map((member) => `m${member}=${peerUrl(member)}`).join(",")],
    ...isMutual ? tlsArguments(SERVER) : [],
    ...recipe.own,
  ];
}

function tlsArguments({ ca, cert, key }: Files): string[] {
  return [
    ...["--cert-file", cert, "--key-file", key],
    ...["--client-cert-auth", "--trusted-ca-file", ca],
  ];
}

type Ask = (number: number, path: string, init?: RequestInit) => Promise<Response>;

/** The number of the member that leads and has committed something. */
async function untilLed(numbers: readonly number[], ask: Ask): Promise<number> {
  let found: number | undefined;
  await until(async () => {
    for (const number of numbers) {
      if (!(await leads(number, ask))) continue;
      found = number;
      return true;
    }
    return false;
  });
  return found!;
}

async function leads(number: number, ask: Ask): Promise<boolean> {
  try {
    const stats = await (await ask(number, "/v2/stats/self")).text();
    if (!stats.includes('"state":"StateLeader"')) return false;
    const body = new URLSearchParams({ value: "1" });
    const answer = await ask(number, READY, { method: "PUT", body });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
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
