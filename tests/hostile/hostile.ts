/**
 * `deno task hostile`: a node under load, measured with and without clients that
 * mean no good, in turns. The others keep 80 % of their throughput, or it fails.
 *
 *     deno task hostile                     two rounds of every kind, a minute or so
 *     deno task hostile --rounds 5 --only slowHead
 *     deno task hostile --tls               on a port that asks for certificates, HTTP/2 included
 */
import { parseArgs } from "@std/cli";
import { fixture } from "../cluster/client.ts";
import { NodeProcess } from "../cluster/node_process.ts";
import { freePort } from "../cluster/ports.ts";
import { pause } from "../cluster/wait.ts";
import type { Order } from "./clients.ts";
import type { Target } from "./dial.ts";
import { type HostileKind, KINDS } from "./kinds.ts";
import { Load } from "./load.ts";

const KEPT_MIN = 0.8;
const WINDOW_MS = 2_000;
/** From a change of the load to its measurement. */
const SETTLE_MS = 300;
const TLS_FLAGS = [
  ...["-clientCert", fixture("server.crt"), "-clientKey", fixture("server.key.insecure")],
  ...["-clientCAFile", fixture("ca.crt")],
];
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

interface Measured {
  readonly kind: HostileKind;
  readonly connections: number;
  /** Writes a second without and with them, medians. */
  readonly calm: number;
  readonly hostile: number;
}

function usage(message: string): never {
  console.error(message);
  Deno.exit(EXIT_USAGE);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function rate(load: Load): Promise<number> {
  await pause(SETTLE_MS);
  const [begun, before] = [performance.now(), load.answers];
  await pause(WINDOW_MS);
  return (load.answers - before) / (performance.now() - begun) * 1000;
}

function told(worker: Worker, what: "ready" | "stopped"): Promise<number> {
  return new Promise((resolve) => {
    const listen = (event: MessageEvent<{ what: string; count: number }>) => {
      if (event.data.what !== what) return;
      worker.removeEventListener("message", listen);
      resolve(event.data.count);
    };
    worker.addEventListener("message", listen);
  });
}

async function measure(
  kind: HostileKind,
  target: Target,
  rounds: number,
  load: Load,
): Promise<Measured> {
  const worker = new Worker(new URL("clients.ts", import.meta.url), { type: "module" });
  const [calm, hostile]: [number[], number[]] = [[], []];
  let connections = 0;
  for (let round = 0; round < rounds; round++) {
    calm.push(await rate(load));
    const ready = told(worker, "ready");
    worker.postMessage({ kind, target } satisfies Order);
    connections = Math.max(connections, await ready);
    hostile.push(await rate(load));
    const stopped = told(worker, "stopped");
    worker.postMessage("stop");
    await stopped;
  }
  calm.push(await rate(load));
  worker.terminate();
  return { kind, connections, calm: median(calm), hostile: median(hostile) };
}

const options = parseArgs(Deno.args.filter((argument) => argument !== "--"), {
  string: ["rounds", "only"],
  boolean: ["tls"],
  unknown: (argument) =>
    usage(`Unknown argument "${argument}": see the head of tests/hostile/hostile.ts`),
});
const rounds = Number(options.rounds ?? 2);
if (!Number.isSafeInteger(rounds) || rounds < 1) usage("--rounds expects a whole number above 0");
const kinds = (Object.keys(KINDS) as HostileKind[])
  .filter((kind) => options.only === undefined || kind === options.only)
  .filter((kind) => options.tls || !KINDS[kind].isHttp2);
if (kinds.length === 0) usage(`--only expects one of ${Object.keys(KINDS).join(", ")}`);

const directory = await Deno.makeTempDir();
const target: Target = { port: freePort(), tls: options.tls };
const node = NodeProcess.spawn([
  ...["-d", directory, "-c", `${target.port}`, "-s", `${freePort()}`],
  ...(target.tls ? TLS_FLAGS : []),
]);
const results: Measured[] = [];
let failures = 0;
try {
  await node.says(/ Serving /);
  const load = await Load.start(target);
  for (const kind of kinds) {
    const result = await measure(kind, target, rounds, load);
    results.push(result);
    const { calm, hostile, connections } = result;
    const kept = Math.round(hostile / calm * 100);
    console.log(
      `${KINDS[kind].what.padEnd(48)}${`${connections}`.padStart(6)} open ` +
        `${Math.round(calm)} -> ${Math.round(hostile)} writes/s, ${kept} % kept`,
    );
  }
  failures = load.failures;
  await load.stop();
} finally {
  await node.kill();
  await Deno.remove(directory, { recursive: true });
}
const worst = Math.min(...results.map(({ calm, hostile }) => hostile / calm));
const isKept = worst >= KEPT_MIN && failures === 0;
console.log(
  `PROVE Hostile clients${
    target.tls ? " under mutual TLS" : ""
  } | ${results.length} kinds of clients, ${rounds} rounds each | ` +
    `others keep ${Math.round(worst * 100)} % at least, ${failures} of their requests failed`,
);
Deno.exit(isKept ? 0 : EXIT_FAILED);
