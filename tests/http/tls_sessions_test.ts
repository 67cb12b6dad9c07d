/** What a session that was begun elsewhere opens: nothing. */
import { X509Certificate } from "node:crypto";
import { assertEquals } from "@std/assert";
import { pem } from "../api/harness.ts";
import { HTTP_LIMITS } from "../api/harness.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Listener, ListenOptions } from "../../src/http/endpoint.ts";
import type { TlsMaterial } from "../../src/http/tls_material.ts";
import type { Handler } from "../../src/http/exchange.ts";
import { listenNode } from "../../src/http/node_listener.ts";
import { listenWire } from "../../src/http/wire_listener.ts";
import { faultRenderer } from "../../src/api/faults.ts";

const PAIR = { cert: pem("server.crt"), key: pem("server.key.insecure") };

const LISTENERS = { node: listenNode, wire: listenWire } as const;

/** Says who the client is. */
const handler: Handler = ({ clientCertificate }) => ({
  status: 200,
  body: `hello ${clientCertificate?.commonName}`,
});

async function open(kind: keyof typeof LISTENERS, tls: TlsMaterial): Promise<Listener> {
  const options: ListenOptions = {
    hostname: "127.0.0.1",
    port: 0,
    tls,
    limits: HTTP_LIMITS,
    logger: silentLogger,
    renderFault: faultRenderer(),
  };
  return await LISTENERS[kind](options, handler);
}

/** The answer of a port to `client`, on a connection of its own; undefined when it has none. */
async function ask({ port }: Listener, client: Deno.HttpClient): Promise<string | undefined> {
  try {
    const headers = { connection: "close" };
    return await (await fetch(`https://127.0.0.1:${port}/`, { client, headers })).text();
  } catch {
    return undefined;
  }
}

/** Keeps its sessions by the name of the server, not by its port, as any client may. */
function clientWith(name?: string): Deno.HttpClient {
  const shown = name === undefined
    ? {}
    : { cert: pem(`${name}.crt`), key: pem(`${name}.key.insecure`) };
  return Deno.createHttpClient({
    caCerts: [pem("ca.crt")],
    http2: false,
    poolMaxIdlePerHost: 0,
    ...shown,
  });
}

for (const kind of ["node", "wire"] as const) {
  Deno.test(`a session of a port that asks for no certificate opens none that does (${kind})`, async () => {
    const everybody = await open(kind, PAIR);
    const known = await open(kind, { ...PAIR, ca: pem("ca.crt") });
    using stranger = clientWith();
    assertEquals(await ask(known, stranger), undefined);
    assertEquals(await ask(everybody, stranger), "hello undefined");
    for (let i = 0; i < 5; i++) assertEquals(await ask(known, stranger), undefined);
    assertEquals(await ask(everybody, stranger), "hello undefined");
    await Promise.all([everybody.shutdown(), known.shutdown()]);
  });

  Deno.test(`a session of a port opens none with another authority (${kind})`, async () => {
    const ours = await open(kind, { ...PAIR, ca: pem("ca.crt") });
    const theirs = await open(kind, { ...PAIR, ca: pem("foreign-ca.crt") });
    using client = clientWith("client");
    assertEquals(await ask(ours, client), "hello client");
    for (let i = 0; i < 5; i++) assertEquals(await ask(theirs, client), undefined);
    await Promise.all([ours.shutdown(), theirs.shutdown()]);
  });

  Deno.test(`a session ends with its authority (${kind})`, async () => {
    const port = await open(kind, { ...PAIR, ca: pem("ca.crt") });
    using client = clientWith("client");
    assertEquals(await ask(port, client), "hello client");
    port.reloadTls!({ ...PAIR, ca: pem("foreign-ca.crt") });
    for (let i = 0; i < 5; i++) assertEquals(await ask(port, client), undefined);
    await port.shutdown();
  });

  Deno.test(`a session goes on at its own port, also when the port's certificate is renewed (${kind})`, async () => {
    const port = await open(kind, { ...PAIR, ca: pem("ca.crt") });
    using client = clientWith("client");
    for (let i = 0; i < 3; i++) assertEquals(await ask(port, client), "hello client");
    port.reloadTls!({ ...PAIR, ca: pem("ca.crt") });
    for (let i = 0; i < 3; i++) assertEquals(await ask(port, client), "hello client");
    await port.shutdown();
  });

  Deno.test(`a session goes on at another port with the same authority (${kind})`, async () => {
    const one = await open(kind, { ...PAIR, ca: pem("ca.crt") });
    const other = await open(kind, { ...PAIR, ca: pem("ca.crt") });
    using client = clientWith("client");
    for (const port of [one, other, one, other]) {
      assertEquals(await ask(port, client), "hello client");
    }
    await Promise.all([one.shutdown(), other.shutdown()]);
  });

  Deno.test(`a certificate of another port's session makes nobody known where none is asked for (${kind})`, async () => {
    const known = await open(kind, { ...PAIR, ca: pem("ca.crt") });
    const everybody = await open(kind, PAIR);
    using client = clientWith("client");
    assertEquals(await ask(known, client), "hello client");
    for (let i = 0; i < 3; i++) assertEquals(await ask(everybody, client), "hello undefined");
    await Promise.all([everybody.shutdown(), known.shutdown()]);
  });

  Deno.test(`a certificate names nobody where it only opens the port (${kind})`, async () => {
    const port = await open(kind, { ...PAIR, ca: pem("ca.crt"), namesUsers: false });
    using client = clientWith("client");
    for (let i = 0; i < 2; i++) assertEquals(await ask(port, client), "hello undefined");
    using stranger = clientWith();
    assertEquals(await ask(port, stranger), undefined);
    await port.shutdown();
  });

  Deno.test(`a port outlives clients whose certificate it does not take (${kind})`, async () => {
    const taken = new Set([1, 12]);
    let asked = 0;
    const authority = new X509Certificate(pem("ca.crt")).raw.toString("hex");
    const signers: string[] = [];
    const clientProblem = (_: Uint8Array, issuers: readonly Uint8Array[]) => {
      signers.push(issuers.map((issuer) => issuer.toHex()).join());
      return taken.has(++asked) ? undefined : "not of this house";
    };
    const port = await open(kind, { ...PAIR, ca: pem("ca.crt"), clientProblem });
    using client = clientWith("client");
    assertEquals(await ask(port, client), "hello client");
    for (let i = 0; i < 10; i++) assertEquals(await ask(port, client), undefined);
    assertEquals(await ask(port, client), "hello client");
    assertEquals(new Set(signers), new Set([authority]));
    await port.shutdown();
  });
}
