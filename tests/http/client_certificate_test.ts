/** Handlers learn who a client is by its certificate, and never without a verified one. */
import { assertEquals } from "@std/assert";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import {
  clientFor,
  HTTP_LIMITS,
  isMutual,
  type Kind,
  KINDS,
  listenAs,
  tlsOf,
} from "../api/harness.ts";

/** What a handler sees of a request with the body `body`, by a client that shows a certificate. */
async function seen<T>(kind: Kind, body: BodyInit, look: (exchange: Exchange) => T): Promise<T> {
  const tls = tlsOf(kind);
  const looks: T[] = [];
  const listener = await listenAs(kind, {
    hostname: "127.0.0.1",
    port: 0,
    limits: HTTP_LIMITS,
    logger: silentLogger,
    renderFault,
    ...(tls !== undefined && { tls }),
  }, (exchange) => {
    looks.push(look(exchange));
    return { status: 204, body: "" };
  });
  using client = clientFor(kind);
  const scheme = tls === undefined ? "http" : "https";
  const url = `${scheme}://127.0.0.1:${listener.port}/`;
  const response = await fetch(url, { method: "POST", client, body });
  assertEquals(response.status, 204);
  await listener.shutdown();
  return looks[0]!;
}

for (const kind of KINDS) {
  Deno.test(`Exchange of ${kind} has the client's names only where certificates are demanded`, async () => {
    const found = await seen(kind, "", ({ clientCertificate }) => clientCertificate);
    const expected = isMutual(kind) ? { commonName: "client" } : undefined;
    assertEquals(found, expected);
  });

  Deno.test(`Exchange of ${kind} knows from where it comes`, async () => {
    assertEquals(await seen(kind, "", ({ clientAddress }) => clientAddress), "127.0.0.1");
  });

  Deno.test(`Exchange of ${kind} has the body as bytes and as text`, async () => {
    const found = await seen(kind, "héllo", ({ body, bytes }) => [body, bytes.toHex()]);
    assertEquals(found, ["héllo", "68c3a96c6c6f"]);
  });
}

for (const kind of ["mtls", "h2"] as const) {
  Deno.test(`Exchange of ${kind} has bytes that are no UTF-8 as they were sent`, async () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0x00, 0x62);
    const found = await seen(kind, bytes, ({ body, bytes }) => [body, bytes.toHex()]);
    assertEquals(found, ["a\ufffd\0b", "61ff0062"]);
  });
}
