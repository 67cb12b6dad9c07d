/** The parts of chaos that would pass for proof if they did nothing: each does what it is there for. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { WatchedEvent } from "../linearizability/by_index.ts";
import { pidDialling } from "./dialler.ts";
import { padded, unpadded } from "./padding.ts";
import { Preload } from "./preload.ts";
import { Stillness } from "./stillness.ts";
import { problemsOf } from "./watcher.ts";

const event = (index: number, key = "/chaos/a"): WatchedEvent => ({
  index,
  key,
  value: `v${index}`,
  prevValue: undefined,
});

const KNOWN = new Map([3, 5, 6, 9].map((index) => [index, event(index)]));

function told(since: number, ...events: readonly WatchedEvent[]) {
  return { path: "/chaos", stretches: [{ since, events: [...events] }] };
}

Deno.test("problemsOf() is content with each event once and in order", () => {
  assertEquals(problemsOf(told(1, event(3), event(5), event(6)), KNOWN), []);
  assertEquals(problemsOf(told(6, event(6), event(9)), KNOWN), []);
});

Deno.test("problemsOf() finds what was left out, told twice, out of order or otherwise", () => {
  const wrong = [
    [event(3), event(6)],
    [event(5)],
    [event(3), event(3), event(5)],
    [event(5), event(3)],
    [event(3), { ...event(5), value: "other" }],
    [event(3), event(4), event(5)],
  ];
  for (const events of wrong) {
    assertNotEquals(problemsOf(told(1, ...events), KNOWN), [], JSON.stringify(events));
  }
});

Deno.test("problemsOf() accepts a gap that was announced, and only that", () => {
  const gap = [{ since: 1, events: [event(3)] }, { since: 6, events: [event(6), event(9)] }];
  assertEquals(problemsOf({ path: "/chaos", stretches: gap }, KNOWN), []);
  const more = [{ since: 1, events: [event(3)] }, { since: 6, events: [event(9)] }];
  assertNotEquals(problemsOf({ path: "/chaos", stretches: more }, KNOWN), []);
});

Deno.test("unpadded() gives back what was padded, and nothing for what was changed", () => {
  for (const value of ["u1-2", "u1-2L", "u1-2X"]) assertEquals(unpadded(padded(value)), value);
  assertEquals(padded("u1-2L").length, 24_000);
  assertEquals(unpadded(padded("u1-2L").slice(1)), undefined);
  assertEquals(unpadded("u1-2L"), undefined);
});

Deno.test("since() tells how long the machine stood still, and nothing of a busy one", () => {
  let nowMs = 1_000;
  using stillness = new Stillness(() => nowMs);
  nowMs += 1_200;
  assertEquals(stillness.since(0), 0);
  nowMs += 20_100;
  assertEquals(stillness.since(0), 20_000);
  assertEquals(stillness.since(nowMs - 5_000), 5_000);
  nowMs += 100;
  assertEquals(stillness.since(nowMs), 0);
});

Deno.test("pidDialling() finds the process that opened a connection", async () => {
  if (Deno.build.os !== "linux") return;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  using dialled = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using _taken = await accepted;
  assert(dialled.localAddr.transport === "tcp");
  const { port } = dialled.localAddr;
  assertEquals(await pidDialling(port, [1, Deno.pid]), Deno.pid);
  assertEquals(await pidDialling(port, []), undefined);
});

Deno.test("preload() makes syncs fail and slow, and moves the wall clock alone", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const preload = await Preload.compile(directory);
    // Without a compiler chaos leaves these faults out, and says so.
    if (typeof preload === "string") return;
    const env = preload.environmentOf("n");
    const look = async (): Promise<{ sync: string; tookMs: number; skewS: number }> => {
      const args = ["eval", LOOK, `${directory}/file`];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, env }).output();
      const { wallMs, ...seen } = JSON.parse(new TextDecoder().decode(stdout));
      return { ...seen, skewS: Math.round((wallMs - Date.now()) / 60_000) * 60 };
    };
    assertEquals((await look()).sync, "ok");
    preload.spoil("n", { syncFails: true, syncDelayMs: 200, clockOffsetS: 3600 });
    const { sync, tookMs, skewS } = await look();
    assert(sync.includes("os error 5"), sync);
    assert(tookMs >= 200, `${tookMs} ms`);
    assertEquals(skewS, 3600);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const LOOK = `
  const file = Deno.openSync(Deno.args[0], { write: true, create: true });
  const startMs = performance.now();
  const sync = await file.syncData().then(() => "ok", String);
  console.log(JSON.stringify({ sync, tookMs: performance.now() - startMs, wallMs: Date.now() }));
`;
