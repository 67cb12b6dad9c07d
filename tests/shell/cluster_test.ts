/** `deno task cluster` as a user meets it: real nodes by mTLS, Ctrl-C, and again. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { freePorts } from "../cluster/ports.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SIZE = 3;

interface Cluster extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  /** Everything printed up to the lines to try. */
  readonly greeting: string;
  /** Reads on to the end. */
  rest(): Promise<string>;
}

async function startCluster(directory: string, ports: [number, number]): Promise<Cluster> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", `${ROOT}tools/cluster.ts`, "-n", `${SIZE}`, "-tls", "-d", directory],
      ...["-c", `${ports[0]}`, "-s", `${ports[1]}`],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let greeting = "";
  while (!greeting.includes("/v1/machines\n")) {
    const { done, value } = await reader.read();
    assert(!done, `The cluster ended before it was healthy: ${greeting}`);
    greeting += value;
  }
  const rest = async () => {
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    return text;
  };
  const stop = async () => {
    try {
      process.kill("SIGTERM");
    } catch {
      // It has ended already, as it should.
    }
    await rest();
    await process.status;
  };
  return { process, greeting, rest, [Symbol.asyncDispose]: stop };
}

/** Ctrl-C under `deno task`, which hands the terminal's signal on once more. */
async function stopCluster({ process, rest }: Cluster): Promise<string> {
  process.kill("SIGINT");
  process.kill("SIGINT");
  const text = await rest();
  assertEquals((await process.status).code, 0, text);
  return text;
}

Deno.test("deno task cluster serves, stops in order and keeps its data", async () => {
  const directory = await Deno.makeTempDir();
  const read = (name: string) => Deno.readTextFileSync(`${ROOT}fixtures/ca/${name}`);
  const client = Deno.createHttpClient({
    caCerts: [read("ca.crt")],
    cert: read("client.crt"),
    key: read("client.key.insecure"),
  });
  try {
    const port = freePorts(2 * SIZE);
    const ports: [number, number] = [port, port + SIZE];
    const url = (node: number) => `https://127.0.0.1:${ports[0] + node}/v1/keys/message`;
    const get = async (node: number) =>
      (await (await fetch(url(node), { client })).json()).value as unknown;

    await using first = await startCluster(directory, ports);
    assertStringIncludes(first.greeting, `healthy: ${SIZE} members`);
    for (const name of ["node1", "node2", "node3"]) assertStringIncludes(first.greeting, name);
    const body = new URLSearchParams({ value: "Hello" });
    await (await fetch(url(1), { method: "POST", body, client })).body?.cancel();
    for (let node = 0; node < SIZE; node++) assertEquals(await get(node), "Hello");
    const stopping = await stopCluster(first);
    assertEquals(stopping.match(/ Stopped$/gm)?.length, SIZE, stopping);

    await using second = await startCluster(directory, ports);
    assertEquals(await get(2), "Hello");
    await stopCluster(second);
  } finally {
    client.close();
    await Deno.remove(directory, { recursive: true });
  }
});

/** Runs it to its end; all that it printed. */
async function run(...args: string[]): Promise<{ readonly code: number; readonly text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${ROOT}tools/cluster.ts`, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("deno task cluster is not healthy by what others answer at its addresses", async () => {
  const directory = await Deno.makeTempDir();
  const port = freePorts(2 * SIZE);
  // Another cluster has the first client port, and answers as this one would.
  const machines = Array(SIZE).fill("http://127.0.0.1:1").join(",");
  const options = { hostname: "127.0.0.1", onListen: () => {} };
  const others = Array.from(
    { length: SIZE },
    (_, node) => Deno.serve({ ...options, port: port + node }, () => new Response(machines)),
  );
  try {
    const ports = ["-c", `${port}`, "-s", `${port + SIZE}`];
    const { code, text } = await run("-n", `${SIZE}`, "-d", directory, ...ports);
    assertEquals([code, text.includes("healthy: ")], [1, false], text);
    assertStringIncludes(text, "a node ended before the cluster was healthy");
    assertStringIncludes(text, `127.0.0.1:${port}`);
  } finally {
    await Promise.all(others.map((other) => other.shutdown()));
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("deno task cluster -h prints its flags and starts nothing", async () => {
  const { code, text } = await run("-h");
  assertEquals(code, 0);
  for (const flag of ["-n N", "-tls", "-c PORT", "-s PORT", "-d DIR"]) {
    assertStringIncludes(text, flag);
  }
});
