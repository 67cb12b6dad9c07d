/** Bodies that come by themselves: their framing, their writes, and whom they keep waiting. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Buffer } from "node:buffer";
import { laterTurn } from "../../../src/base/turns.ts";
import type { TextFeed } from "../../../src/http/exchange.ts";
import { textSlicesOf } from "../../../src/http/feed.ts";
import { FedBodies, FedBody } from "../../../src/http/h1/fed_body.ts";
import type { SliceSink } from "../../../src/http/h1/slices.ts";
import { until } from "../../api/harness.ts";
import { last, startHttp1 } from "./harness.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_GET = last("GET / HTTP/1.1\r\nHost: a");

/** A feed that a test puts texts in. */
class Feed implements TextFeed {
  #texts: string[] = [];
  #onNews = () => {};
  isOver = false;
  isFollowed = false;
  isCancelled = false;
  taken = 0;

  put(...texts: string[]): void {
    this.#texts.push(...texts);
    this.#onNews();
  }

  end(...texts: string[]): void {
    this.isOver = true;
    this.put(...texts);
  }

  follow(onNews: () => void): void {
    this.isFollowed = true;
    this.#onNews = onNews;
  }

  take(): readonly string[] {
    this.taken++;
    return this.#texts.splice(0);
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

/** Where a test sees what is written. */
class Sink implements SliceSink {
  readonly isGone = false;
  readonly written: string[] = [];
  #drain: (() => void) | undefined;
  isFull = false;

  write(bytes: Buffer): boolean {
    this.written.push(bytes.toString());
    return !this.isFull;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#drain = resolve);
  }

  drain(): void {
    this.isFull = false;
    this.#drain?.();
  }
}

/** A feed that is sent, and what is seen of it. */
function send(feed: Feed, { isChunked = true, bodies = new FedBodies() } = {}) {
  const sink = new Sink();
  const sent = { isSent: false };
  new FedBody(feed, isChunked, sink, bodies, () => sent.isSent = true);
  return { sink, sent };
}

Deno.test("FedBody() writes what came together at once, each text a chunk of its own", async () => {
  const feed = new Feed();
  const { sink, sent } = send(feed);
  feed.put("one");
  feed.put("two", "☃");
  await laterTurn();
  assertEquals(sink.written, ["3\r\none\r\n3\r\ntwo\r\n3\r\n☃\r\n"]);
  feed.put("one");
  await laterTurn();
  assertEquals([sink.written[1], sent.isSent], ["3\r\none\r\n", false]);
  feed.end("one");
  await laterTurn();
  assertEquals([sink.written[2], sent.isSent], ["3\r\none\r\n0\r\n\r\n", true]);
});

Deno.test("FedBody() sends what came before it began, and an end without a text", async () => {
  const feed = new Feed();
  feed.put("early");
  const { sink, sent } = send(feed);
  await laterTurn();
  feed.end();
  await laterTurn();
  assertEquals([sink.written, sent.isSent], [["5\r\nearly\r\n", "0\r\n\r\n"], true]);
});

Deno.test("FedBody() without chunks writes texts as they are", async () => {
  const feed = new Feed();
  const { sink, sent } = send(feed, { isChunked: false });
  feed.put("one", "two");
  await laterTurn();
  feed.end();
  await laterTurn();
  assertEquals([sink.written, sent.isSent], [["onetwo"], true]);
});

Deno.test("FedBody() takes nothing while the client takes nothing, and goes on then", async () => {
  const feed = new Feed();
  const { sink } = send(feed);
  sink.isFull = true;
  feed.put("one");
  await laterTurn();
  assertEquals(feed.taken, 1);
  feed.put("two");
  feed.put("three");
  await laterTurn();
  assertEquals([feed.taken, sink.written], [1, ["3\r\none\r\n"]]);
  sink.drain();
  await until(() => sink.written.length > 1, "what came meanwhile");
  assertEquals(sink.written[1], "3\r\ntwo\r\n5\r\nthree\r\n");
});

Deno.test("FedBody() cancelled writes nothing more, and lets its feed go", async () => {
  const feed = new Feed();
  const sink = new Sink();
  const body = new FedBody(feed, true, sink, new FedBodies(), () => {});
  feed.put("one");
  body.cancel();
  await laterTurn();
  assertEquals([feed.isCancelled, feed.taken, sink.written], [true, 0, []]);
});

Deno.test("FedBodies() tells different clients different things, however alike", async () => {
  const bodies = new FedBodies();
  const texts = ["told a", "told b", "told a", "told c"];
  const sinks = texts.map((text) => {
    const feed = new Feed();
    const { sink } = send(feed, { bodies });
    feed.end(text);
    return sink;
  });
  await laterTurn();
  assertEquals(
    sinks.map(({ written }) => written),
    texts.map((text) => [`6\r\n${text}\r\n0\r\n\r\n`]),
  );
});

Deno.test("FedBodies() sends some hundred bodies in a turn, and all in the end", async () => {
  const bodies = new FedBodies();
  const feeds = Array.from({ length: 1_200 }, () => new Feed());
  const sinks = feeds.map((feed) => send(feed, { bodies }).sink);
  const written = () => sinks.filter(({ written }) => written.length > 0).length;
  for (const feed of feeds) feed.end("all the same");
  await laterTurn();
  assertEquals(written(), 500);
  await until(() => written() === feeds.length, "the last body to be sent");
});

Deno.test("textSlicesOf() gives a feed's texts as they come, after an empty one, to its end", async () => {
  const feed = new Feed();
  feed.put("one");
  const seen: string[] = [];
  for await (const text of textSlicesOf(feed)) {
    seen.push(text);
    if (text === "one") queueMicrotask(() => feed.put("two", "three"));
    // The end, and more before it, come while the client takes the one before.
    if (text === "three") feed.end("four");
  }
  assertEquals(seen, ["", "one", "two", "three", "four"]);
});

Deno.test("textSlicesOf() lets the feed go of who takes no more", async () => {
  const feed = new Feed();
  for await (const _ of textSlicesOf(feed)) break;
  assertEquals(feed.isCancelled, true);
});

Deno.test("Http1Server() sends a feed's head at once, and the end with its last text", async () => {
  const feed = new Feed();
  await using server = await startHttp1(({ target }) => {
    return { status: 200, body: target === "/" ? feed : "next" };
  });
  using client = await server.connect();
  await client.send(GET + last("GET /next HTTP/1.1\r\nHost: a"));
  assertMatch(await client.until("\r\n\r\n"), /transfer-encoding: chunked\r\n\r\n$/);
  feed.end("something happened");
  const received = await client.untilClosed();
  assertMatch(received, /12\r\nsomething happened\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assertMatch(received, /next$/);
});

Deno.test("Http1Server() sends a feed to HTTP/1.0 until the connection ends", async () => {
  const feed = new Feed();
  feed.end("all");
  await using server = await startHttp1(() => ({ status: 200, body: feed }));
  using client = await server.connect();
  await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assertMatch(await client.untilClosed(), /connection: close\r\n\r\nall$/);
});

Deno.test("Http1Server() lets a feed go whose client leaves, or wants its head alone", async () => {
  const feeds: Feed[] = [];
  await using server = await startHttp1((exchange) => {
    const feed = new Feed();
    feeds.push(feed);
    // Who wants to know of it is told at the client's end, not at the next write.
    exchange.onGone(() => {});
    return { status: 200, body: feed };
  });
  const leaving = await server.connect();
  await leaving.send(GET);
  await until(() => feeds[0]?.isFollowed === true, "the feed to be sent");
  leaving.close();
  await until(() => feeds[0]!.isCancelled, "the feed to be let go");
  using client = await server.connect();
  await client.send(LAST_GET.replace("GET", "HEAD"));
  await client.untilClosed();
  assertEquals([feeds[1]!.isFollowed, feeds[1]!.isCancelled], [false, true]);
});
