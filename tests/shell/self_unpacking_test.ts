/**
 * The one-file executable of `tools/self_unpacking.ts`, with a small script in
 * place of the Deno runtime: what it unpacks, when, where, and what it becomes.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { packSelfUnpacking } from "../../tools/self_unpacking.ts";

/** Prints the flags, the program and the arguments that it is started with. */
const RUNTIME = `#!/bin/sh
case $1 in --version) exit 0 ;; esac
while [ $# -gt 0 ]; do case $1 in */main.js) break ;; *) shift ;; esac; done
cat "$1"
shift
echo "pid=$$ arguments=$#"
for argument in "$@"; do echo "[$argument]"; done
case \${1-} in wait) echo ready && kill -STOP $$ ;; esac
exit 7
`;
const PROGRAM = "the program\n";

interface Sandbox {
  readonly directory: string;
  readonly executable: string;
  run(env?: Record<string, string>, ...args: string[]): Promise<Result>;
}

interface Result {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly out: string;
  readonly said: string;
  readonly pid: number;
}

async function inSandbox(body: (sandbox: Sandbox) => Promise<void>, program = PROGRAM) {
  const directory = await Deno.makeTempDir();
  try {
    const executable = `${directory}/program`;
    await Deno.writeTextFile(`${directory}/runtime`, RUNTIME, { mode: 0o755 });
    await Deno.writeTextFile(`${directory}/main.js`, program);
    await packSelfUnpacking({
      name: "program",
      runtime: `${directory}/runtime`,
      program: `${directory}/main.js`,
      flags: ["--allow-env=A_*,B", "--it's"],
      output: executable,
    });
    const places = { XDG_CACHE_HOME: `${directory}/cache`, HOME: directory, TMPDIR: directory };
    const run: Sandbox["run"] = (env = {}, ...args) =>
      start(executable, args, { ...places, ...env });
    await body({ directory, executable, run });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Again while a process that another test starts still holds the file that was just written. */
async function spawn(command: Deno.Command): Promise<Deno.ChildProcess> {
  for (;;) {
    try {
      return command.spawn();
    } catch (error) {
      if (!String(error).includes("Text file busy")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

async function start(
  command: string,
  args: string[],
  env: Record<string, string>,
): Promise<Result> {
  const process = await spawn(
    new Deno.Command(command, { args, env, stdin: "null", stdout: "piped", stderr: "piped" }),
  );
  const { code, signal, stdout, stderr } = await process.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, out: decode(stdout), said: decode(stderr), pid: process.pid };
}

function entries(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory), ({ name }) => name).toSorted();
}

Deno.test("packSelfUnpacking() makes a file that becomes the program", async () => {
  await inSandbox(async ({ run }) => {
    for (const _ of ["the first start", "a later one"]) {
      const { code, out, said, pid } = await run({}, "-n", "a b", "*", "");
      assertEquals(said, "");
      assertEquals(out, `${PROGRAM}pid=${pid} arguments=4\n[-n]\n[a b]\n[*]\n[]\n`);
      assertEquals(code, 7);
    }
  });
});

Deno.test("packSelfUnpacking() unpacks once, into a private directory named by content", async () => {
  await inSandbox(async ({ directory, run }) => {
    await run();
    const [name = ""] = entries(`${directory}/cache`);
    assertMatch(name, /^program-\d+-[0-9a-f]{20}$/);
    const cache = `${directory}/cache/${name}`;
    assertEquals(entries(cache), ["deno", "main.js"]);
    assertEquals((Deno.statSync(cache).mode ?? 0) & 0o777, 0o700);
    const before = Deno.statSync(`${cache}/deno`).ino;
    await run();
    assertEquals(Deno.statSync(`${cache}/deno`).ino, before);
  });
});

Deno.test("packSelfUnpacking() gives two builds two directories", async () => {
  const names = new Set<string>();
  for (const program of ["one", "two", "one"]) {
    await inSandbox(async ({ directory, run }) => {
      await run();
      names.add(entries(`${directory}/cache`).join());
    }, program);
  }
  assertEquals(names.size, 2);
});

Deno.test("a self-unpacking file passes the baked-in flags", async () => {
  await inSandbox(async ({ executable }) => {
    const head = new TextDecoder().decode(await Deno.readFile(executable)).split("\n", 60);
    const line = head.find((one) => one.includes('exec "$dir/deno"'));
    assertStringIncludes(line ?? "", `'--allow-env=A_*,B' '--it'\\''s' "$dir/main.js" "$@"`);
  });
});

Deno.test("a self-unpacking file survives many first starts at once", async () => {
  await inSandbox(async ({ directory, run }) => {
    const results = await Promise.all(Array.from({ length: 12 }, () => run({}, "x")));
    for (const { code, out, said } of results) {
      assertEquals([code, said], [7, ""]);
      assert(out.startsWith(PROGRAM));
    }
    const [name] = entries(`${directory}/cache`);
    assertEquals(entries(`${directory}/cache/${name}`), ["deno", "main.js"]);
  });
});

Deno.test("a self-unpacking file takes the next place when the first cannot be written", async () => {
  await inSandbox(async ({ directory, run }) => {
    await Deno.writeTextFile(`${directory}/taken`, "a file where a directory should be");
    const { code, said } = await run({ XDG_CACHE_HOME: `${directory}/taken` });
    assertEquals([code, said], [7, ""]);
    assertMatch(entries(`${directory}/.cache`).join(), /^program-/);
  });
});

Deno.test("a self-unpacking file does not trust what somebody else may have put there", async () => {
  await inSandbox(async ({ directory, run }) => {
    await run();
    const [name = ""] = entries(`${directory}/cache`);
    await Deno.rename(`${directory}/cache/${name}`, `${directory}/elsewhere`);
    await Deno.symlink(`${directory}/elsewhere`, `${directory}/cache/${name}`);
    assertEquals((await run()).code, 7);
    assertEquals(entries(`${directory}/.cache`), [name], "the link was not followed");
  });
});

Deno.test("a self-unpacking file mends a cache that was half removed", async () => {
  await inSandbox(async ({ directory, run }) => {
    await run();
    const [name] = entries(`${directory}/cache`);
    for (const file of ["deno", "main.js"]) {
      await Deno.remove(`${directory}/cache/${name}/${file}`);
      assertEquals((await run()).code, 7);
    }
  });
});

Deno.test("a self-unpacking file says in one line that there is no room", async () => {
  await inSandbox(async ({ directory, executable }) => {
    // No file may grow beyond nothing: the same as a full disk, wherever it unpacks.
    const limited = `ulimit -f 0 && exec "$0" -n a`;
    const env = {
      XDG_CACHE_HOME: `${directory}/cache`,
      HOME: directory,
      TMPDIR: directory,
    };
    const { code, out, said } = await start("/bin/sh", ["-c", limited, executable], env);
    assertEquals([code, out], [1, ""]);
    const [line = "", ...rest] = said.trimEnd().split("\n").slice(-1);
    assertEquals(rest, []);
    assertMatch(line, /^program: nowhere to unpack \d+ MB at first start, tried /);
    assertStringIncludes(line, "set XDG_CACHE_HOME");
    for (const place of [`${directory}/cache`, `${directory}/.cache`]) {
      for (const name of entries(place)) assertEquals(entries(`${place}/${name}`), []);
    }
  });
});

Deno.test("a self-unpacking file that is cut short does not start", async () => {
  await inSandbox(async ({ executable, run }) => {
    const bytes = await Deno.readFile(executable);
    await Deno.writeFile(executable, bytes.subarray(0, bytes.length - 10), { mode: 0o755 });
    const { code, out } = await run();
    assertEquals([code, out], [1, ""]);
  });
});

Deno.test("a self-unpacking file hands signals to the program", async () => {
  await inSandbox(async ({ executable, directory }) => {
    const process = new Deno.Command(executable, {
      args: ["wait"],
      env: { XDG_CACHE_HOME: `${directory}/cache` },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let out = "";
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      out += text;
      if (out.endsWith("ready\n")) process.kill("SIGKILL");
    }
    assertStringIncludes(out, `pid=${process.pid} `);
    assertEquals((await process.status).signal, "SIGKILL");
  });
});
