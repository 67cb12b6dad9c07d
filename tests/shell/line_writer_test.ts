/** Whoever reads may be slow, stuck or gone: the writer's caller never waits for it. */
import { assert, assertEquals } from "@std/assert";
import { LineWriter } from "../../src/base/line_writer.ts";
import type { Clock } from "../../src/base/clock.ts";
import { PATIENCE_MS } from "../cluster/wait.ts";

/** A pipe whose reader the test is. */
class Pipe {
  text = "";
  /** What to do with the next writes; takes everything when there is none. */
  readonly answers: ((bytes: Uint8Array) => Promise<number>)[] = [];

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    const answer = this.answers.shift();
    const taken = answer === undefined ? bytes.length : await answer(bytes);
    this.text += new TextDecoder().decode(bytes.subarray(0, taken));
    return taken;
  };
}

function open(pipe: Pipe, queueBytesMax = 100, clock?: Clock): LineWriter {
  const summary = (dropped: number) => `${dropped} dropped\n`;
  return new LineWriter({
    write: pipe.write,
    queueBytesMax,
    retryMs: 1,
    summary,
    ...(clock && { clock }),
  });
}

Deno.test("LineWriter writes lines in their order, whatever is taken at a time", async () => {
  const pipe = new Pipe();
  const writer = open(pipe);
  pipe.answers.push(() => Promise.resolve(1), () => Promise.resolve(2));
  for (const line of ["first\n", "second\n", "third\n"]) writer.write(line);
  await writer.flush(PATIENCE_MS);
  assertEquals(pipe.text, "first\nsecond\nthird\n");
});

Deno.test("LineWriter keeps what fits while nobody reads, and tells how much did not", async () => {
  const pipe = new Pipe();
  const writer = open(pipe, 20);
  const reader = Promise.withResolvers<number>();
  pipe.answers.push(() => reader.promise);
  writer.write("0\n");
  for (let i = 1; i <= 30; i++) writer.write(`${i}\n`);
  reader.resolve(2);
  await writer.flush(PATIENCE_MS);
  assertEquals(pipe.text, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n21 dropped\n");
});

Deno.test("LineWriter tells what was left out in its place, before newer lines", async () => {
  const pipe = new Pipe();
  const writer = open(pipe, 4);
  const reader = Promise.withResolvers<number>();
  const asked = Promise.withResolvers<void>();
  const second = Promise.withResolvers<number>();
  pipe.answers.push(() => reader.promise, () => {
    asked.resolve();
    return second.promise;
  });
  for (const line of ["a\n", "b\n", "c\n", "d\n"]) writer.write(line);
  reader.resolve(2);
  await asked.promise;
  writer.write("e\n");
  second.resolve(4);
  await writer.flush(PATIENCE_MS);
  assertEquals(pipe.text, "a\nb\nc\n1 dropped\ne\n");
});

Deno.test("LineWriter writes a line that is longer than its queue", async () => {
  const pipe = new Pipe();
  const writer = open(pipe, 10);
  const long = `${"x".repeat(10_000)}\n`;
  writer.write(long);
  await writer.flush(PATIENCE_MS);
  assertEquals(pipe.text, long);
});

Deno.test("LineWriter counts what a broken target did not take, and goes on", async () => {
  const pipe = new Pipe();
  const writer = open(pipe);
  pipe.answers.push(() => Promise.reject(new Error("no space left")));
  writer.write("lost\n");
  await writer.flush(PATIENCE_MS);
  writer.write("kept\n");
  await writer.flush(PATIENCE_MS);
  assertEquals(pipe.text, "1 dropped\nkept\n");
});

Deno.test("LineWriter waits for room in a target that does not block", async () => {
  const pipe = new Pipe();
  const writer = open(pipe);
  const full = () => Promise.reject(new Deno.errors.WouldBlock("full"));
  pipe.answers.push(full, full);
  writer.write("line\n");
  await writer.flush(PATIENCE_MS);
  assertEquals(pipe.text, "line\n");
});

Deno.test("flush() gives up when nobody reads", async () => {
  const pipe = new Pipe();
  const writer = open(pipe);
  pipe.answers.push(() => new Promise(() => {}));
  writer.write("line\n");
  await writer.flush(1);
  assertEquals(pipe.text, "");
});

Deno.test("LineWriter is stuck when a write has waited for a second", async () => {
  const pipe = new Pipe();
  let now = 0;
  const writer = open(pipe, 100, { wallMs: () => 0, monotonicMs: () => now });
  const reader = Promise.withResolvers<number>();
  pipe.answers.push(() => reader.promise);
  writer.write("line\n");
  now = 999;
  assert(!writer.isStuck);
  now = 1_000;
  assert(writer.isStuck);
  reader.resolve(5);
  await writer.flush(PATIENCE_MS);
  assert(!writer.isStuck);
});
