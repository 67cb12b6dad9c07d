/** Work in slices, and the sockets of the same process meanwhile. */
import { once } from "node:events";
import { setImmediate } from "node:timers";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { assert, assertLess } from "@std/assert";
import { inLaterTurn } from "../../src/base/turns.ts";

/** Immediates from one look of the runtime at its sockets to the next, when it is left to itself. */
const EVENT_INTERVAL = 61;

Deno.test("inLaterTurn() lets sockets have their turn between slices of two milliseconds", async () => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client: Socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(client, "connect");
  let slices = 0;
  let isOver = false;
  const work = () => {
    const begun = performance.now();
    while (performance.now() - begun < 2);
    slices++;
    if (!isOver) inLaterTurn(work);
  };
  inLaterTurn(work);
  for (let i = 0; i < 5; i++) {
    const before = slices;
    client.write("x");
    await once(client, "data");
    assertLess(slices - before, EVENT_INTERVAL);
  }
  isOver = true;
  client.destroy();
  server.close();
  await once(server, "close");
});

Deno.test("inLaterTurn() puts off no slice that comes after a rest", async () => {
  const immediate = () => new Promise<void>((resolve) => void setImmediate(resolve));
  for (let i = 0; i < 3; i++) {
    let isDone = false;
    inLaterTurn(() => isDone = true);
    await immediate();
    await immediate();
    assert(isDone);
    // Longer than slices may follow one another.
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
});
