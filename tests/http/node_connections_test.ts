/** When a port looks how many descriptors there are. */
import { EventEmitter } from "node:events";
import type { Server, Socket } from "node:net";
import { assertEquals } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import { NodeConnections } from "../../src/http/node_connections.ts";

/** Connections from one look to the next. */
const A_LOOK = 16;
const SPARE = 4;

/** A port, and how often it has looked. */
function countingPort() {
  const server = new EventEmitter();
  new NodeConnections(server as unknown as Server, {
    tls: false,
    max: 1000,
    spareDescriptors: SPARE,
    logger: silentLogger,
    isAnswering: () => false,
    onScarcity: () => {},
  });
  let opened = 0;
  const looks = () => opened / (SPARE + A_LOOK);
  const connect = () => {
    const socket = new EventEmitter() as unknown as Socket;
    const { openSync } = Deno;
    Deno.openSync = (...options) => {
      opened++;
      return openSync(...options);
    };
    try {
      server.emit("connection", socket);
    } finally {
      Deno.openSync = openSync;
    }
    return socket;
  };
  return { connect, looks };
}

Deno.test("NodeConnections looks once for connections that come and go", () => {
  const { connect, looks } = countingPort();
  for (let i = 0; i < 10 * A_LOOK; i++) connect().emit("close");
  assertEquals(looks(), 1);
});

Deno.test("NodeConnections looks again for every sixteen that stay, however many have gone", () => {
  const { connect, looks } = countingPort();
  const crowd = Array.from({ length: 3 * A_LOOK }, connect);
  assertEquals(looks(), 3);
  for (const socket of crowd) socket.emit("close");
  for (let i = 0; i <= A_LOOK; i++) connect();
  assertEquals(looks(), 4);
});
