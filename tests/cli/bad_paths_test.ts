/**
 * Every command against servers that break in every way at every moment. Nobody
 * writes twice, nothing is told as done that was not, and each failure is one line
 * with a status of its own.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../cluster/ports.ts";
import { answer, type Asked, type Breakage, BrokenServer, fault } from "./broken_server.ts";
import { etcd as run, inTime, LocalNode, type Said, type Typed } from "./harness.ts";

const SET = '{"action":"SET","key":"/k","value":"v","index":7}';
const FILE = '{"action":"GET","key":"/d/k","value":"v","index":7}';

/** How a member answers that does what it is asked. */
function sound({ method, target }: Asked): Breakage {
  if (method === "DELETE") return answer(200, SET.replace("SET", "DELETE"));
  if (method === "POST") return answer(200, SET);
  if (target.startsWith("/leader")) return answer(200, "http://127.0.0.1:7001");
  if (target.startsWith("/v1/keys/_etcd")) return answer(200, "[]");
  if (target.startsWith("/v1/watch")) return answer(200, SET);
  return answer(200, target.startsWith("/v1/keys/d?") ? `[${FILE}]` : FILE);
}

interface Way {
  readonly name: string;
  readonly breakage: Breakage;
  /** Whether a write may go to another server: this one can't have done it. */
  readonly undone?: true;
  /** What a write to it alone ends with. */
  readonly status: number;
  /** What a read of it alone ends with, if that is another one. */
  readonly read?: number;
}

const close = (says: string): Breakage => ({ at: "answer", says, then: "close" });
const silence = (says: string): Breakage => ({ at: "answer", says, then: "silence" });

const NO_API = "<html>Bad Gateway</html>";

const WAYS: readonly Way[] = [
  { name: "closes at once", breakage: { at: "accept" }, status: 3 },
  { name: "closes after the head", breakage: { at: "head" }, status: 3 },
  { name: "closes after the request", breakage: close(""), status: 3 },
  { name: "closes within the status line", breakage: close("HTTP/1.1 20"), status: 3 },
  {
    name: "closes within the headers",
    breakage: close("HTTP/1.1 200 OK\r\nContent-Le"),
    status: 3,
  },
  {
    name: "closes before the body",
    breakage: close("HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n"),
    status: 3,
  },
  {
    name: "closes within the body",
    breakage: close(`HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n${SET.slice(0, 20)}`),
    status: 3,
  },
  {
    name: "closes within a chunk",
    breakage: close(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n31\r\n{"action`),
    status: 3,
  },
  {
    name: "closes before the last chunk",
    breakage: close(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${
        SET.length.toString(16)
      }\r\n${SET}\r\n`,
    ),
    status: 3,
  },
  { name: "is silent", breakage: silence(""), status: 3 },
  {
    name: "is silent after a part of the head",
    breakage: silence("HTTP/1.1 200 OK\r\n"),
    status: 3,
  },
  {
    name: "is silent within the body",
    breakage: silence(`HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n${SET.slice(0, 20)}`),
    status: 3,
  },
  { name: "only says that it goes on", breakage: silence("HTTP/1.1 103 Early\r\n\r\n"), status: 3 },
  { name: "speaks another protocol", breakage: close("SSH-2.0-OpenSSH_9.2\r\n"), status: 3 },
  { name: "answers in TLS", breakage: close("\x15\x03\x01\x00\x02\x02\x16"), status: 3 },
  {
    name: "says that it may still take effect",
    breakage: fault(500, 300, "The entry was not committed in time, it may still take effect"),
    status: 3,
    read: 1,
  },
  { name: "says that there is an election", breakage: fault(500, 301, "No leader"), status: 1 },
  { name: "says 500 of its own", breakage: fault(500, 500, "Internal"), status: 3, read: 1 },
  {
    name: "stops",
    breakage: fault(503, 300, "The server is stopping, nothing was changed"),
    undone: true,
    status: 1,
  },
  { name: "has a gateway that says 502", breakage: answer(502, NO_API), status: 3, read: 1 },
  { name: "has a gateway that says 503", breakage: answer(503, NO_API), status: 3, read: 1 },
  { name: "has a gateway that says 504", breakage: answer(504, ""), status: 3, read: 1 },
  { name: "says no", breakage: fault(400, 402, "Malformed"), status: 1 },
  { name: "says 404 as a page", breakage: answer(404, NO_API), status: 1 },
  { name: "says 429", breakage: answer(429, ""), status: 1 },
  { name: "says 200 with a page", breakage: answer(200, NO_API), status: 1 },
  { name: "says 200 with nothing", breakage: answer(200, ""), status: 1 },
  { name: "says 200 with null", breakage: answer(200, "null"), status: 1 },
  { name: "says 200 with another object", breakage: answer(200, '{"index":1}'), status: 1 },
  { name: "says 204", breakage: answer(204, ""), status: 1 },
  { name: "says 304", breakage: answer(304, ""), status: 1 },
  {
    name: "sends round in circles",
    breakage: answer(307, "", "Location: /v1/keys/k\r\n"),
    status: 3,
  },
  {
    name: "sends to nowhere",
    breakage: answer(307, "", "Location: http://[::bad/\r\n"),
    status: 3,
  },
];

/** All of a user's ways to change something by one request. */
const WRITERS: readonly (readonly string[])[] = [
  ["set", "k", "v"],
  ["set", "k", "v", "-ttl", "5"],
  ["cas", "k", "u", "v"],
  ["rm", "k"],
  ["member", "remove", "k"],
];

const READERS: readonly (readonly string[])[] = [
  ["get", "k"],
  ["get", "k", "-stale"],
  ["ls", "d"],
  ["ls", "-r", "-o", "json", "k"],
];

/** Silence has to be waited for; an answer comes, however busy the machine is. */
function timeoutOf(breakage: Breakage): string[] {
  return ["-timeout", breakage.at === "answer" && breakage.then === "silence" ? "2" : "60"];
}

/** Runs a command to its end, which has to come: `-timeout` says how long a server may take. */
function etcd(args: readonly string[], typed?: Typed): Promise<Said> {
  return inTime(`the end of "etcd ${args.join(" ")}"`, run(args, typed));
}

function assertOneLine(err: string, what: string): void {
  assertMatch(err, /^etcd [a-z ]+: [^\n]+\n$/, what);
  assert(!err.includes("    at "), `${what}: ${err}`);
}

for (const { name, breakage, undone, status, read } of WAYS) {
  Deno.test(`a command whose server ${name} ends in order, and writes once at most`, async () => {
    // Side by side: each waits out the silence of its own server.
    const alone = WRITERS.map(async (args) => {
      await using broken = new BrokenServer(() => breakage);
      const said = await etcd([...args, ...timeoutOf(breakage), "-peers", broken.address]);
      const what = args.join(" ");
      assertEquals([said.status, said.out], [status, ""], `${what}: ${said.err}`);
      assertOneLine(said.err, what);
      if (status === 3 && breakage.at === "answer" && !said.err.includes("answered")) {
        assertMatch(said.err, /unknown|may still|Internal/, what);
      }
      // A redirect is no write: the server that answers it has passed it on.
      if (!name.startsWith("sends")) assert(broken.writes.length <= 1, what);
    });
    const withAnother = WRITERS.map(async (args) => {
      await using broken = new BrokenServer(() => breakage);
      await using other = new BrokenServer(sound);
      const peers = ["-peers", `${broken.address},${other.address}`];
      const said = await etcd([...args, ...timeoutOf(breakage), ...peers]);
      const what = `${args.join(" ")}: ${said.err}`;
      assertEquals(other.writes.length, undone ? 1 : 0, what);
      assertEquals(said.status, undone ? 0 : status, what);
    });
    const reading = READERS.map(async (args) => {
      await using broken = new BrokenServer(() => breakage);
      const said = await etcd([...args, ...timeoutOf(breakage), "-peers", broken.address]);
      assertEquals(said.status, read ?? status, `${args.join(" ")}: ${said.err}`);
      assertOneLine(said.err, args.join(" "));
      await using other = new BrokenServer(sound);
      const isPassing = status === 3 || undone || (read ?? status) !== status ||
        name.includes("election");
      const both = ["-peers", `${broken.address},${other.address}`];
      const second = await etcd([...args, ...timeoutOf(breakage), ...both]);
      assertEquals(second.status, isPassing ? 0 : status, `${args.join(" ")}: ${second.err}`);
    });
    await Promise.all([...alone, ...withAnother, ...reading]);
  });
}

Deno.test("a command goes to the next server when nobody listens, also to write", async () => {
  for (const args of [...WRITERS, ...READERS]) {
    await using other = new BrokenServer(sound);
    const peers = ["-peers", `127.0.0.1:${freePort()},${other.address}`];
    assertEquals((await etcd([...args, ...peers])).status, 0, args.join(" "));
    assertEquals(other.asked.length, 1, args.join(" "));
  }
});

Deno.test("etcd members waits three seconds for a member to tell its role, whatever -timeout says", async () => {
  const { setTimeout } = globalThis;
  const waits: unknown[] = [];
  globalThis.setTimeout = ((callback: () => void, ms?: number) => {
    waits.push(ms);
    return setTimeout(callback, ms === 3_000 ? 0 : ms);
  }) as typeof setTimeout;
  try {
    await using server: BrokenServer = new BrokenServer(({ target }): Breakage => {
      if (target.startsWith("/v1/stats/self")) return silence("");
      if (!target.startsWith("/v1/keys/_etcd")) return sound({ method: "GET", target });
      const value = `etcd=http://${server.address}&raft=http://127.0.0.1:7001`;
      return answer(
        200,
        JSON.stringify([{ action: "GET", key: "/_etcd/machines/a", value, index: 1 }]),
      );
    });
    const said = await etcd(["members", "-timeout", "600", "-peers", server.address]);
    assertEquals(said.status, 0, said.err);
    assertMatch(said.out, /^a +leader +http:.*no answer within 3 s/m);
    assert(waits.includes(3_000));
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

Deno.test("a command stays with the server that has answered it", async () => {
  await using stopping = new BrokenServer(() => fault(503, 300, "The server is stopping"));
  await using other = new BrokenServer(sound);
  const peers = ["-peers", `${stopping.address},${other.address}`];
  assertEquals((await etcd(["rm", "a", "b", "c", ...peers])).status, 0);
  assertEquals([stopping.writes.length, other.writes.length], [1, 3]);
});

Deno.test("etcd rm ends at the first key whose fate it does not know", async () => {
  let asked = 0;
  await using server = new BrokenServer((request) => ++asked < 5 ? sound(request) : close(""));
  const { status, out, err } = await etcd([
    ...["rm", "a", "b", "c", "d", "e", "f"],
    ...["-peers", `${server.address},${server.address}`],
  ]);
  assertEquals(status, 3);
  // The first call of `behave` of a connection is for no request.
  assertEquals(out.split("\n").length - 1, server.writes.length - 1, err);
  assertMatch(err, /whether it was done is unknown/);
});

Deno.test("etcd rm -r of a directory deletes each key once, and ends when its server does", async () => {
  const children = [1, 2, 3].map((n) => `{"action":"GET","key":"/d/${n}","value":"v","index":7}`);
  let deletes = 0;
  await using server = new BrokenServer((request) => {
    if (request.method === "GET") return answer(200, `[${children.join(",")}]`);
    if (request.method === "DELETE" && ++deletes === 2) return close("");
    return sound(request);
  });
  const { status, err } = await etcd(["rm", "-r", "d", "-peers", server.address]);
  assertEquals(status, 3, err);
  assertEquals(server.writes.map(({ target }) => target), ["/v1/keys/d/1", "/v1/keys/d/2"]);
});

Deno.test("etcd watch -once tries again where it may, and ends when it has to", async () => {
  // To be silent is what a watch is for, and the circle leads out of it.
  const sent = WAYS.filter(({ name, breakage }) =>
    name !== "sends round in circles" &&
    !(breakage.at === "answer" && breakage.then === "silence")
  );
  await Promise.all(sent.map(async ({ name, breakage }) => {
    // Broken for the watch alone: the command has begun.
    const behave = (asked: Asked) => asked.target.startsWith("/v1/watch") ? breakage : sound(asked);
    await using broken = new BrokenServer((asked) =>
      asked.method === "" ? answer(200, "") : behave(asked)
    );
    const watch = ["watch", "-once", "-index", "3", "k", "-timeout", "1"];
    const said = await etcd([...watch, "-peers", broken.address]);
    assert([1, 3].includes(said.status), `${name}: ${said.status} ${said.err}`);
    assertEquals(said.out, "", name);
    assertMatch(said.err, /^(etcd watch: [^\n]+\n)+$/, name);
  }));
});

Deno.test("etcd backup keeps the good one whatever the server sends", async () => {
  await using node = await LocalNode.start();
  await node.etcd(["set", "k", "v"]);
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    const good = `${directory}/good`;
    assertEquals((await node.etcd(["backup", good])).status, 0);
    const bytes = await Deno.readFile(good);
    const text = new TextDecoder("latin1").decode(bytes);
    const part = (length: number) => text.slice(0, length);
    const turned = `${part(100)}${text[100] === "x" ? "y" : "x"}${text.slice(101)}`;
    const bodies = [
      ...["", "{}", NO_API, part(8), part(50), part(text.length - 1), `${text}x`, turned],
    ];
    const cases = [
      ...bodies.map((body) => answer(200, body)),
      // Silence within the body has a limit of its own: see backup_test.ts.
      ...WAYS.filter(({ name }) => name !== "is silent within the body")
        .map(({ breakage }) => breakage),
    ];
    await Promise.all(cases.map(async (breakage, at) => {
      await using broken = new BrokenServer(() => breakage);
      const file = `${directory}/${at}`;
      await Deno.writeFile(file, bytes);
      const said = await etcd([
        "backup",
        "-force",
        file,
        ...timeoutOf(breakage),
        "-peers",
        broken.address,
      ]);
      assert([1, 3].includes(said.status), `${at}: ${said.status} ${said.err}`);
      assertEquals(said.out, "");
      assertOneLine(said.err, `${at}`);
      assertEquals(await Deno.readFile(file), bytes, `${at}: the one that was there`);
      const piped = await etcd(["backup", "-", ...timeoutOf(breakage), "-peers", broken.address]);
      assertEquals([piped.status, piped.out], [said.status, ""], `${at}: ${piped.err}`);
    }));
    const left = Array.from(Deno.readDirSync(directory), ({ name }) => name);
    assertEquals(left.filter((name) => name.endsWith(".part")), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("etcd ls prints everything, however much that is", async () => {
  // Around the portion that is written at once, and several of them.
  for (const count of [1, 2, 700, 1_000, 5_000]) {
    const items = Array.from({ length: count }, (_, at) => ({
      action: "GET",
      key: `/d/${String(at).padStart(6, "0")}`,
      value: "x".repeat(at % 100),
      index: 7,
    }));
    await using server = new BrokenServer(() => answer(200, JSON.stringify(items)));
    const peers = ["-peers", server.address];
    const portions: number[] = [];
    const onWrite = (text: string) => void portions.push(text.length);
    const json = await etcd(["ls", "d", "-o", "json", ...peers], { onWrite });
    assertEquals(JSON.parse(json.out), items);
    assert(count < 1_000 || portions.length > 1, `${count}`);
    const listed = await etcd(["ls", "d", ...peers]);
    assertEquals(listed.out, items.map(({ key }) => `${key}\n`).join(""));
  }
});
