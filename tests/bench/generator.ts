/**
 * Builds and runs the load generator in `load/`: for what `wrk` can't do. It is Go,
 * because neither `wrk` nor `h2load` shows a client certificate and `h2load` knows no
 * percentiles, and because a generator in this language would take more of the machine
 * than the servers do.
 */
import { fileURLToPath } from "node:url";
import type { Measured } from "./measured.ts";

/** Files of PEM. */
export interface Files {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Ten of these in a request become the number of a key. */
export const KEY_NUMBER = "##########";

/** Of HTTP/1.1 the body is the whole request, head included. */
export interface WireRequest {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/**
 * - `http1`: requests over kept connections. `connect`: a new connection for each.
 * - `http2`: a stream for each request, so many at once.
 * - `stream`: messages and answers in turn on streams of gRPC that stay open.
 * - `watch`: events that come to so many watches.
 */
export type LoadKind = "http1" | "connect" | "http2" | "stream" | "watch";

export interface Plan {
  readonly kind: LoadKind;
  readonly connections: number;
  readonly request: WireRequest;
  readonly keys: number;
  readonly seconds: number;
  /** Requests at once on each connection; 1 unless something is said. Of `watch`: writers. */
  readonly streams?: number;
  /** Calls that come before. */
  readonly setup?: readonly WireRequest[];
  /** Of `watch`: what opens one, how many there are, and how many writes they see. */
  readonly watch?: WireRequest;
  readonly watchers?: number;
  readonly writes?: number;
}

const WARM_UP_SECONDS = 1;
const SOURCE = fileURLToPath(new URL("load/", import.meta.url));

let built: Promise<string> | undefined;

/** Loads the server at `url`. Rejects when the generator itself fails. */
export async function runGenerator(
  url: string,
  tls: Files | undefined,
  plan: Plan,
): Promise<Measured> {
  built ??= build();
  const child = new Deno.Command(await built, {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const text = JSON.stringify({
    ...{ streams: 1, warmUpSeconds: WARM_UP_SECONDS, ...plan, tls },
    address: new URL(url).host,
    request: encoded(plan.request),
    setup: plan.setup?.map(encoded) ?? [],
    ...(plan.watch && { watch: encoded(plan.watch) }),
  });
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (success) return JSON.parse(new TextDecoder().decode(stdout)) as Measured;
  throw new Error(
    `Expected a result of the load generator, found "${new TextDecoder().decode(stderr).trim()}"`,
  );
}

function encoded({ fields, body }: WireRequest) {
  return { fields, body: body.toBase64() };
}

/** Once a run of the benchmark; goes with the process. */
async function build(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "bench-load-" });
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  const binary = `${directory}/load`;
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", binary, "."],
    cwd: SOURCE,
    env: { GO111MODULE: "off" },
    stderr: "piped",
  }).output();
  if (success) return binary;
  throw new Error(
    `The load generator could not be built: ${new TextDecoder().decode(stderr).trim()}`,
  );
}
