/** What a node makes of a directory in which members register (`--discovery`). */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import { register } from "../../src/member/registration.ts";
import { freePort } from "../cluster/ports.ts";
import { configOf } from "./flag_node.ts";

interface Directory {
  readonly url: string;
  /** Values by key, in the order of their creation. */
  readonly members: Map<string, string>;
  /** What `_config/size` holds; undefined when nobody has said it. */
  size: string | undefined;
  /** How many requests are answered as by a server that is not ready. */
  failures: number;
}

/** A service of v2, as far as members need one. */
async function withDirectory(run: (directory: Directory) => Promise<void>): Promise<void> {
  const members = new Map<string, string>();
  const json = (body: object, status = 200) => new Response(JSON.stringify(body), { status });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => answer(request),
  );
  const directory: Directory = {
    ...{ url: `http://127.0.0.1:${server.addr.port}/v2/keys/x`, members },
    ...{ size: "2", failures: 0 },
  };
  async function answer(request: Request): Promise<Response> {
    const body = await request.text();
    const { pathname } = new URL(request.url);
    if (directory.failures > 0) {
      directory.failures--;
      return new Response("not yet", { status: 503 });
    }
    if (pathname.endsWith("/_config/size")) {
      if (directory.size === undefined) return json({ errorCode: 100 }, 404);
      return json({ node: { value: directory.size } });
    }
    if (request.method === "PUT") {
      const key = pathname.replace("/v2/keys", "");
      if (members.has(key)) return json({ errorCode: 105 }, 412);
      members.set(key, new URLSearchParams(body).get("value")!);
      return json({}, 201);
    }
    const nodes = [...members].map(([key, value], i) => ({ key, value, createdIndex: i + 1 }));
    // In no order, as etcd has them.
    return json({ node: { nodes: nodes.reverse() } });
  }
  try {
    await run(directory);
  } finally {
    await server.shutdown();
  }
}

/** Registers a node of this name at `http://NAME:2380`, or another URL. */
function registered(
  { url }: Directory,
  name: string,
  peerUrl = `http://${name}:2380`,
  signal?: AbortSignal,
) {
  const flags = ["--name", name, "--initial-advertise-peer-urls", peerUrl, "--discovery", url];
  return register(configOf(flags), url, silentLogger, signal);
}

Deno.test("register() waits for as many as there are to be, which all have one list", async () => {
  await withDirectory(async (directory) => {
    const [a, b] = await Promise.all([registered(directory, "a"), registered(directory, "b")]);
    assertEquals([a?.own, b?.own, a?.token], ["a", "b", directory.url]);
    assertEquals(a?.members, b?.members);
    assertEquals(a?.members.map(({ name }) => name).sort(), ["a", "b"]);
    // Its own key is there.
    assertEquals(await registered(directory, "a"), a);
    const error = await assertRejects(() => registered(directory, "c"), Error);
    assertMatch(error.message, /^All 2 members at .* are registered already/);
    assertEquals(directory.members.size, 2);
  });
});

Deno.test("register() lets the first that many in when more come at once", async () => {
  await withDirectory(async (directory) => {
    const names = ["a", "b", "c", "d"];
    const ends = await Promise.allSettled(names.map((name) => registered(directory, name)));
    const values = ends.flatMap((end) => end.status === "fulfilled" ? [end.value] : []);
    const [first] = [...directory.members.values()];
    assertEquals(values.length, 2);
    assertEquals(first, `${values[0]!.members[0]!.name}=${values[0]!.members[0]!.peerUrls}`);
  });
});

Deno.test("register() goes on alone when there is to be one, and asks until it is answered", async () => {
  await withDirectory(async (directory) => {
    Object.assign(directory, { size: "1", failures: 1 });
    assertEquals(await registered(directory, "a"), undefined);
    assertEquals([...directory.members.values()], ["a=http://a:2380"]);
  });
});

Deno.test("register() says what is wrong with the directory", async () => {
  await withDirectory(async (directory) => {
    const told = async (expected: RegExp, name = "a", url?: string) => {
      const error = await assertRejects(() => registered(directory, name, url), Error);
      assertMatch(error.message, expected);
    };
    for (const size of ["0", "many", "1.5"]) {
      directory.size = size;
      await told(/^Expected the number of members at /);
    }
    directory.size = undefined;
    await told(/^Nobody has said at "http:.*_config\/size"/);
    directory.size = "2";
    directory.members.set("/x/1", "a=http://other:2380");
    // Both are called "a": one member with two URLs is not two members.
    await told(/has "a" at http:\/\/other:2380,http:\/\/a:2380/);
    await told(/are registered as "a=http:\/\/a:2380", and this is "b=http/, "b", "http://a:2380");
    directory.size = "3";
    directory.members.clear();
    directory.members.set("/x/1", "a=http://other:2380").set("/x/2", "a=http://another:2380");
    await told(/^Two of the members at .* have one name/, "b");
  });
});

Deno.test("register() ends when the node does", async () => {
  await withDirectory(async (directory) => {
    const end = new AbortController();
    const waiting = registered(directory, "a", undefined, end.signal);
    setTimeout(() => end.abort(new Error("stopped")), 50);
    await assertRejects(() => waiting, Error, "stopped");
  });
});

Deno.test("register() says why it waits for a service that is not there", async () => {
  const url = `http://127.0.0.1:${freePort()}/v2/keys/x`;
  const end = new AbortController();
  const said: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (_, fields) => {
      said.push(String(fields?.cause));
      end.abort(new Error("stopped"));
    },
  };
  const config = configOf(["--name", "a", "--discovery", url]);
  await assertRejects(() => register(config, url, logger, end.signal), Error, "stopped");
  assertMatch(said.join(), /Connection refused/);
});
