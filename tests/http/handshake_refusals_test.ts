/** What an operator is told of clients that don't get through the TLS handshake. */
import { assertEquals } from "@std/assert";
import { faultRenderer } from "../../src/api/faults.ts";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import { listenNode } from "../../src/http/node_listener.ts";
import { dialWithoutCertificate } from "../../src/http/tls_proof.ts";
import { listenMixed, listenWire } from "../../src/http/wire_listener.ts";
import { HTTP_LIMITS, pem } from "../api/harness.ts";

const TLS = {
  cert: pem("server.crt"),
  key: pem("server.key.insecure"),
  ca: pem("ca.crt"),
};

const optionsOf = (logger: Logger) => ({
  ...{ hostname: "127.0.0.1", port: 0 },
  ...{ tls: TLS, limits: HTTP_LIMITS, logger, renderFault: faultRenderer() },
});
const reply = () => ({ status: 200, body: "" });

/** A logger, and each refusal in its order: the level, the caller and the cause in our words. */
function listenTo(): { logger: Logger; next: () => Promise<string> } {
  const said: string[] = [];
  let wake = () => {};
  const tell = (level: "warn" | "debug"): Logger["warn"] => (message, fields = {}) => {
    if (message !== "TLS handshake refused") return;
    said.push(`${level} ${fields.caller} ${fields.cause}`.replace(/ \(.*/, ""));
    wake();
  };
  return {
    logger: { ...silentLogger, warn: tell("warn"), debug: tell("debug") },
    next: async () => {
      while (said.length === 0) await new Promise<void>((resolve) => wake = resolve);
      return said.shift()!;
    },
  };
}

const NONE = "127.0.0.1 the client showed no certificate, and this port demands one";
const PLAIN = "127.0.0.1 the client speaks no TLS";

for (const [name, listen] of [["node", listenNode], ["wire", listenWire]] as const) {
  Deno.test(`a refused handshake is told once a minute, the node's own test never (${name})`, async () => {
    const { logger, next } = listenTo();
    const listener = await listen(optionsOf(logger), reply);
    const { port } = listener;
    const dial = { hosts: ["127.0.0.1"], port, timeoutMs: 5_000, attempts: 1 };
    assertEquals((await dialWithoutCertificate(dial)).verdict, "refused");

    using client = Deno.createHttpClient({ caCerts: [TLS.ca], poolMaxIdlePerHost: 0 });
    const ask = (scheme: string) =>
      fetch(`${scheme}://127.0.0.1:${port}/`, { client })
        .then((response) => response.body?.cancel(), () => {});
    await ask("https");
    assertEquals(await next(), `warn ${NONE}`);
    await ask("https");
    assertEquals(await next(), `debug ${NONE}`);
    await ask("http");
    assertEquals(await next(), `warn ${PLAIN}`);
    await listener.shutdown();
  });
}

const GONE =
  "warn 127.0.0.1 the client went away, or its certificate is not valid now or not of an authority of this port";

Deno.test("who goes away within the handshake is let go then, and not when it is out of time", async () => {
  const { logger, next } = listenTo();
  for (const listen of [listenNode, listenWire, listenMixed]) {
    const listener = await listen(optionsOf(logger), reply, reply);
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    // The head of a record, which tells a mixed port that this is TLS.
    await client.write(Uint8Array.of(0x16, 3, 1));
    client.close();
    assertEquals(await next(), GONE, listen.name);
    await listener.shutdown();
  }
});
