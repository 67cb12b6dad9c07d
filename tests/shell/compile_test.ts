/**
 * `deno task compile` for real: the executable by whichever way this machine
 * allows, and always the self-unpacking one, used as a user would.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import { freePort } from "../cluster/ports.ts";

const COMPILE = new URL("../../tools/compile.ts", import.meta.url).pathname;

interface Output {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

async function run(command: string, args: string[], env = {}): Promise<Output> {
  const output = await new Deno.Command(command, { args, env, stdin: "null" }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, out: decode(output.stdout), said: decode(output.stderr) };
}

function compile(...args: string[]): Promise<Output> {
  return run(Deno.execPath(), ["run", "-A", COMPILE, ...args], { NO_COLOR: "1" });
}

Deno.test("compile() makes an executable that a user can rely on", async (t) => {
  const directory = await Deno.makeTempDir();
  try {
    const executable = `${directory}/etcd`;
    // As an earlier version left it.
    await Deno.writeTextFile(executable, "#!/bin/sh\n", { mode: 0o755 });
    const made = await compile("--output", executable);
    assertEquals([made.code, made.said], [0, ""]);
    const isFallback = made.out.includes("packing the deno in hand");
    await t.step("the default one", () => useExecutable(executable, directory));
    if (isFallback) return;
    assertEquals((await compile("--fallback", "--output", executable)).code, 0);
    await t.step("the self-unpacking one", () => useExecutable(executable, directory));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

async function useExecutable(executable: string, directory: string): Promise<void> {
  const env = { XDG_CACHE_HOME: `${directory}/cache` };
  const version = await run(executable, ["-version"], env);
  assertEquals([version.code, version.said], [0, ""]);
  assertStringIncludes(version.out, `\netcd for Deno Version: ${VERSION}\n`);
  const wrong = await run(executable, ["-snapcount", "5"], env);
  assertEquals([wrong.code, wrong.out], [2, ""]);
  assertStringIncludes(wrong.said, 'did you mean "-snapCount"?');

  const data = await Deno.makeTempDir({ dir: directory });
  const [client, peer] = [freePort(), freePort()];
  const url = `http://127.0.0.1:${client}/v1/keys/message`;
  const start = () => startNode(executable, ["-d", data, "-c", `${client}`, "-s", `${peer}`], env);
  {
    await using node = await start();
    const set = await fetch(url, { method: "POST", body: new URLSearchParams({ value: "Hello" }) });
    assertEquals((await set.json()).value, "Hello");
    // The pid is the node's own, so this is not the death of a wrapper.
    node.process.kill("SIGKILL");
    await node.process.status;
  }
  await using node = await start();
  const got = await fetch(url);
  assertEquals((await got.json()).value, "Hello");
  node.process.kill("SIGTERM");
  assertEquals((await node.process.status).code, 0);
}

interface StartedNode extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
}

/** Resolves when the node serves; fails with its log when it ends before. */
async function startNode(executable: string, args: string[], env = {}): Promise<StartedNode> {
  const process = new Deno.Command(executable, { args, env, stdin: "null", stderr: "piped" })
    .spawn();
  const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!log.includes("Serving")) {
    const { done, value } = await reader.read();
    assert(!done, `The node ended before it served: ${log}`);
    log += value;
  }
  return {
    process,
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended already, as it should.
      }
      await process.status;
    },
  };
}

Deno.test("compile() refuses what it does not know", async () => {
  const unknown = await compile("--outputs", "x");
  assertEquals([unknown.code, unknown.out], [2, ""]);
  assertStringIncludes(unknown.said, 'Unexpected argument "--outputs"');
  const target = await compile("--target", "pdp11-unknown-unix", "--output", "/nowhere/etcd");
  assertEquals([target.code, target.out], [1, ""]);
  assertStringIncludes(target.said, "pdp11-unknown-unix");
});
