/**
 * `deno task cluster`: a cluster of local nodes to try things on, with one
 * merged log. The nodes are real processes that may be killed and paused; their
 * data stays in `./nodes`.
 *
 *     deno task cluster [-n 3] [-tls] [-c 4001] [-s 7001] [-d nodes]
 */
import { messageOf } from "../src/base/errors.ts";
import { existsSync } from "@std/fs/exists";
import { ignoreProxies } from "../src/cli/client.ts";
import { formatText, parseJson } from "../src/base/console_logger.ts";
import {
  CLUSTER_HELP,
  type ClusterOptions,
  FIXTURES,
  linesToTry,
  type NodePlan,
  parseClusterOptions,
  planNodes,
} from "./cluster_plan.ts";
import { RUN_FLAGS } from "./node_flags.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** How long a cluster may take until it is healthy. */
const HEALTHY_MS = 60_000;
/** How long a node may take to stop before it is killed. */
const STOP_MS = 15_000;
const POLL_MS = 100;
/**
 * One Ctrl-C may come twice: to the terminal's whole group and, passed on, from
 * `deno task` once more.
 */
const SAME_PRESS_MS = 500;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseClusterOptions(args);
    if (options !== "help") return await runCluster(options);
    console.log(CLUSTER_HELP.trimEnd());
    return 0;
  } catch (error) {
    console.error(`cluster: ${messageOf(error)}`);
    return 2;
  }
}

/** A node that was started. */
interface RunningNode {
  readonly plan: NodePlan;
  readonly process: Deno.ChildProcess;
  /** Resolves when the node itself says that it serves: at its address somebody else may answer. */
  readonly serving: Promise<void>;
  /** Settles when the process has ended and its log is printed. */
  readonly ended: Promise<Deno.CommandStatus>;
  status: Deno.CommandStatus | undefined;
}

/** Runs until a signal or the end of all nodes; returns the exit status. */
async function runCluster(options: ClusterOptions): Promise<number> {
  const color = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
  const founded = planNodes(options, true).some(({ dataDirectory }) => existsSync(dataDirectory));
  const nodes = planNodes(options, founded).map((plan) => startNode(plan, color));
  const interrupted = onSignals(() => nodes.forEach((node) => kill(node, "SIGKILL")));
  const allEnded = Promise.all(nodes.map((node) => node.ended));
  using client = makeClient(options.tls);

  const startedMs = performance.now();
  const decided = new AbortController();
  const outcome = await Promise.race([
    interrupted.then(() => "interrupted" as const),
    ...nodes.map((node) => node.ended.then(() => "ended" as const)),
    untilHealthy(nodes, client, decided.signal),
  ]);
  decided.abort();
  let asAsked = outcome === "interrupted";
  let stopping = false;
  if (outcome === "healthy") {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    say(`healthy: ${nodes.length} members after ${seconds} s; Ctrl-C stops them. To try:`);
    console.log(linesToTry(nodes.map((node) => node.plan), options.tls));
    for (const node of nodes) void node.ended.then(() => stopping || sayEnded(node, nodes));
    asAsked = await Promise.race([interrupted.then(() => true), allEnded.then(() => false)]);
  } else if (outcome === "ended") {
    say(
      "a node ended before the cluster was healthy, see its last lines above; " +
        `to begin with a new cluster, remove "${options.directory}"`,
    );
  } else if (outcome === "timeout") {
    say(`not healthy after ${HEALTHY_MS / 1000} s, stopping it`);
  }
  stopping = true;
  const clean = await stopAll(nodes, await findLeader(nodes, client));
  return asAsked && clean ? 0 : 1;
}

function startNode(plan: NodePlan, color: boolean): RunningNode {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", ...RUN_FLAGS, MAIN, ...plan.flags, "-logFormat=json"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    // Out of the terminal's group: Ctrl-C comes to this process alone, which stops them in order.
    detached: true,
  }).spawn();
  const serving = Promise.withResolvers<void>();
  const onMessage = (message: unknown) => {
    if (message === "Serving") serving.resolve();
  };
  const node: RunningNode = {
    plan,
    process,
    serving: serving.promise,
    ended: printLog(plan.name, process.stderr, color, onMessage).then(async () => {
      node.status = await process.status;
      return node.status;
    }),
    status: undefined,
  };
  return node;
}

/** Prints what a node says until it says no more. */
async function printLog(
  name: string,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  color: boolean,
  onMessage: (message: unknown) => void,
): Promise<void> {
  const print = (line: string) => {
    const record = parseJson(line);
    console.log(record === undefined ? `${name}: ${line}` : formatText(record, color).trimEnd());
    onMessage(record?.message);
  };
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(print);
  }
  if (rest !== "") print(rest);
}

function say(text: string): void {
  console.log(`cluster: ${text}`);
}

function sayEnded(node: RunningNode, nodes: readonly RunningNode[]): void {
  const cause = node.status?.signal ?? `status ${node.status?.code}`;
  const left = nodes.filter((other) => other.status === undefined).length;
  say(`${node.plan.name} ended with ${cause}, ${left} of ${nodes.length} run`);
}

/** Resolves at the first SIGINT or SIGTERM; a second one calls `onSecond`. */
function onSignals(onSecond: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let firstMs: number | undefined;
  const onSignal = () => {
    firstMs ??= performance.now();
    resolve();
    if (performance.now() - firstMs > SAME_PRESS_MS) onSecond();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, onSignal);
  return promise;
}

function makeClient(tls: boolean): Deno.HttpClient {
  ignoreProxies();
  const read = (name: string) => Deno.readTextFileSync(`${FIXTURES}${name}`);
  return Deno.createHttpClient(
    tls
      ? { caCerts: [read("ca.crt")], cert: read("client.crt"), key: read("client.key.insecure") }
      : {},
  );
}

/** The body of a 200, else undefined. */
async function get(url: string, client: Deno.HttpClient): Promise<string | undefined> {
  try {
    const response = await fetch(url, { client, signal: AbortSignal.timeout(5_000) });
    const body = await response.text();
    return response.ok ? body : undefined;
  } catch {
    return undefined;
  }
}

/** Every node serves, answers a linearizable read and knows every member. */
async function untilHealthy(
  nodes: readonly RunningNode[],
  client: Deno.HttpClient,
  stopped: AbortSignal,
): Promise<"healthy" | "timeout"> {
  const deadline = performance.now() + HEALTHY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, HEALTHY_MS));
  stopped.addEventListener("abort", () => clearTimeout(timer));
  await Promise.race([late, Promise.all(nodes.map(({ serving }) => serving))]);
  clearTimeout(timer);
  while (performance.now() < deadline && !stopped.aborted) {
    const healthy = await Promise.all(nodes.map(async ({ plan }) => {
      const machines = await get(`${plan.clientUrl}/machines`, client);
      return (machines?.split(",").length ?? 0) >= nodes.length &&
        await get(`${plan.clientUrl}/health`, client) !== undefined;
    }));
    if (healthy.every((one) => one)) return "healthy";
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return "timeout";
}

async function findLeader(
  nodes: readonly RunningNode[],
  client: Deno.HttpClient,
): Promise<RunningNode | undefined> {
  for (const node of nodes.filter((node) => node.status === undefined)) {
    const url = await get(`${node.plan.clientUrl}/leader`, client);
    const leader = nodes.find(({ plan }) => plan.peerUrl === url?.trim());
    if (leader !== undefined) return leader;
  }
  return undefined;
}

/**
 * Followers first: were the leader to go first, each stop would bring a new one.
 * Returns whether all that still ran ended well.
 */
async function stopAll(
  nodes: readonly RunningNode[],
  leader: RunningNode | undefined,
): Promise<boolean> {
  let clean = true;
  const order = [...nodes.filter((node) => node !== leader), ...(leader ? [leader] : [])];
  for (const node of order.filter((node) => node.status === undefined)) {
    kill(node, "SIGTERM");
    const timer = setTimeout(() => {
      say(`${node.plan.name} did not stop within ${STOP_MS / 1000} s, killing it`);
      kill(node, "SIGKILL");
    }, STOP_MS);
    const status = await node.ended;
    clearTimeout(timer);
    clean &&= status.code === 0;
  }
  return clean;
}

function kill(node: RunningNode, signal: Deno.Signal): void {
  try {
    if (node.status === undefined) node.process.kill(signal);
  } catch {
    // It ended between the look and the signal.
  }
}
