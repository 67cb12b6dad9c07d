/** `etcd backup`: what is told when the local disk fails or the server does, and that nothing is left behind. */
import v8 from "node:v8";
import vm from "node:vm";
import { assert, assertEquals } from "@std/assert";
import { runBackup } from "../../src/cli/backup.ts";
import { CommandError, EXIT } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { DATA_COMMANDS } from "../../src/cli/data_commands.ts";
import { readTable } from "../../src/config/command_line.ts";
import { until } from "../cluster/wait.ts";
import { BrokenServer } from "./broken_server.ts";
import { etcd, inTime, type Said, silentTerminal } from "./harness.ts";

const PORTION = new Uint8Array(1000);

/** A server whose answer to everything is one portion; then it ends or is silent. */
class OnePortionServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Resolves when the client has left. */
  readonly left = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(isSilent: boolean) {
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(PORTION);
          if (isSilent) void this.#ended.promise.then(() => controller.close());
          else controller.close();
        },
        cancel: () => this.left.resolve(),
      });
      return new Response(body);
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  /** Ends the answers that are silent. */
  end(): void {
    this.#ended.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function namesIn(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory), ({ name }) => name);
}

function assertOneLine({ status, out, err }: Said, expected: string): void {
  assertEquals([status, out, err], [EXIT.failed, "", `etcd backup: ${expected}\n`]);
}

Deno.test("etcd backup tells of a place that it can't write to in one line", async () => {
  await withDirectory(async (directory) => {
    await using server = new OnePortionServer(false);
    const args = ["-peers", server.address];
    assertOneLine(
      await etcd(["backup", "/nonexistent/x.backup", ...args]),
      'Cannot write "/nonexistent/x.backup": No such file or directory',
    );
    const found = `Expected a name for the backup, found the directory "${directory}"`;
    assertOneLine(await etcd(["backup", directory, ...args]), found);
    assertOneLine(await etcd(["backup", directory, "-force", ...args]), found);
    assertEquals(namesIn(directory), []);
  });
});

Deno.test("etcd backup leaves alone what it has not made", async () => {
  await withDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/x.backup.part`);
    const { status } = await etcd(["backup", `${directory}/x.backup`, "-peers", "127.0.0.1:1"]);
    assertEquals([status, namesIn(directory)], [EXIT.failed, ["x.backup.part"]]);
  });
});

Deno.test("etcd backup does not spoil another that is under way", async () => {
  await withDirectory(async (directory) => {
    await using server = new OnePortionServer(true);
    const file = `${directory}/x.backup`;
    const args = ["backup", file, "-peers", server.address];
    const first = etcd(args);
    await until("the first to write", () => Deno.statSync(`${file}.part`).size === PORTION.length);
    assertOneLine(
      await etcd(args),
      `Cannot write "${file}": another backup is being written there`,
    );
    assertEquals(Deno.statSync(`${file}.part`).size, PORTION.length);
    server.end();
    assertEquals([(await first).status, namesIn(directory)], [EXIT.failed, []]);
  });
});

Deno.test("etcd backup tells a full local disk from a server that was lost", async () => {
  await withDirectory(async (directory) => {
    await using server = new OnePortionServer(false);
    const file = `${directory}/x.backup`;
    await Deno.symlink("/dev/full", `${file}.part`);
    assertOneLine(
      await etcd(["backup", file, "-peers", server.address]),
      `Cannot write "${file}": No space left on device`,
    );
    assertEquals(namesIn(directory), []);
  });
});

Deno.test("etcd backup gives up on a server that goes silent, and leaves no half file", async () => {
  await withDirectory(async (directory) => {
    await using server = new OnePortionServer(true);
    const { flags } = DATA_COMMANDS.find(({ name }) => name === "backup")!;
    const args = [`${directory}/x.backup`, "-peers", server.address];
    const { settings, operands } = readTable(flags, args, () => undefined, "");
    const error = await runBackup({ settings, operands, terminal: silentTerminal() }, 100).then(
      () => undefined,
      (error) => error,
    );
    assert(error instanceof CommandError, String(error));
    assertEquals([error.status, error.message], [
      EXIT.unreachable,
      "The backup broke off after 1.0 kB: the server was silent for 0.1 s: take it again",
    ]);
    await server.left.promise;
    assertEquals(namesIn(directory), []);
  });
});

Deno.test("etcd backup - leaves no temporary file when what has come is no backup", async () => {
  await withDirectory(async (directory) => {
    await using server = new OnePortionServer(false);
    const { makeTempFile } = Deno;
    Deno.makeTempFile = (options) => makeTempFile({ ...options, dir: directory });
    try {
      const { status, out } = await etcd(["backup", "-", "-peers", server.address]);
      assertEquals([status, out, namesIn(directory)], [EXIT.failed, "", []]);
    } finally {
      Deno.makeTempFile = makeTempFile;
    }
  });
});

/** Of this process; what nobody holds is gone when it returns. */
function collectGarbage(): void {
  v8.setFlagsFromString("--expose-gc");
  vm.runInNewContext("gc")();
}

Deno.test("a command gives up on a server that goes silent within a body, garbage collected or not", async () => {
  const says = 'HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n{"action"';
  for (const args of [["get", "k"], ["set", "k", "v"], ["backup", "-"]]) {
    await using server = new BrokenServer(() => ({ at: "answer", says, then: "silence" }));
    const { flags } = COMMANDS.find(({ name }) => name === args[0])!;
    const line = [...args.slice(1), "-timeout", "1", "-peers", server.address];
    const { settings, operands } = readTable(flags, line, () => undefined, "");
    const invocation = { settings, operands, terminal: silentTerminal() };
    const run = args[0] === "backup"
      ? runBackup(invocation, 1_000)
      : COMMANDS.find(({ name }) => name === args[0])!.load().then((start) => start(invocation));
    const ended = run.then(() => undefined, (error) => error);
    await until("the request", () => server.asked.length === 1);
    // The head is there when a turn or two have passed; by now nobody but the command waits.
    const timer = setInterval(collectGarbage, 100);
    const error = await inTime("the end of the command", ended)
      .finally(() => clearInterval(timer));
    assert(error instanceof CommandError, `${args[0]}: ${error}`);
    assertEquals(error.status, EXIT.unreachable, args[0]);
  }
});
