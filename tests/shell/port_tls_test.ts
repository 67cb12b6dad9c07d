/** Certificates of a port that is open: what is checked, used and proven is the same. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import type { Logger } from "../../src/base/logger.ts";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { TlsMaterial } from "../../src/http/tls_material.ts";
import { listenNode } from "../../src/http/node_listener.ts";
import { TlsError } from "../../src/http/tls_check.ts";
import { PortTls } from "../../src/operations/port_tls.ts";
import { httpLimits } from "../../src/server/http_limits.ts";
import { pem } from "../api/harness.ts";

const VERSIONS = { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" } as const;
const ANYBODY = {
  crlFile: undefined,
  allowedNames: undefined,
  isOwn: false,
  namesUsers: true,
} as const;

/** A port under a pair that can be replaced. */
class TestPort implements AsyncDisposable {
  readonly lines: string[] = [];
  /** Given to the runtime, the newest last. */
  readonly taken: TlsMaterial[] = [];
  readonly tls: PortTls;
  readonly #directory = Deno.makeTempDirSync();
  #close = () => Promise.resolve();

  constructor(cert: string, key: string) {
    this.replace(cert, key);
    const listen = { host: "127.0.0.1", port: 1 };
    const [certFile, keyFile] = [`${this.#directory}/cert`, `${this.#directory}/key`];
    const files = { certFile, keyFile, caFile: undefined, ...VERSIONS, ...ANYBODY };
    const url = "https://127.0.0.1:1";
    const listeners = [{ ...listen, secure: true }];
    const port = { advertised: listen, listen, url, urls: [url], listeners, tls: files };
    const say: Logger["info"] = (message, fields) => {
      this.lines.push(`${message} ${JSON.stringify(fields)}`);
    };
    const logger = { ...silentLogger, error: say, warn: say, info: say };
    this.tls = PortTls.load("client", port, logger)!;
  }

  async open(hostname = "127.0.0.1"): Promise<void> {
    const { material: tls } = this.tls;
    const limits = httpLimits();
    const options = { hostname, port: 0, tls, limits, logger: silentLogger, renderFault };
    const listener = await listenNode(options, () => ({ status: 200, body: "" }));
    this.#close = () => listener.shutdown();
    this.tls.attach({
      ...listener,
      reloadTls: (material) => {
        this.taken.push(material);
        listener.reloadTls!(material);
      },
    });
  }

  replace(cert: string, key: string): void {
    Deno.writeTextFileSync(`${this.#directory}/cert`, cert);
    Deno.writeTextFileSync(`${this.#directory}/key`, key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

const pairOf = (name: string) => [pem(`${name}.crt`), pem(`${name}.key.insecure`)] as const;

Deno.test("prove() is content with a port that shows the certificate of its file", async () => {
  const [cert, key] = pairOf("server");
  await using port = new TestPort(`\uFEFF${cert}`, `text ${key}`);
  await port.open();
  await port.tls.prove();
});

Deno.test("attach() gives a port what is in use by then: the files may have changed while it was opened", async () => {
  await using port = new TestPort(...pairOf("server"));
  await port.open();
  assertEquals(port.taken, [port.tls.material]);
});

Deno.test("prove() finds a key that no handshake can use", async () => {
  await using port = new TestPort(...pairOf("odd-curve"));
  await port.open();
  const error = await assertRejects(() => port.tls.prove(), TlsError, "no TLS handshake works");
  assertStringIncludes(error.message, "secp224r1");
});

Deno.test("prove() dials a port on all addresses where it can be reached", async () => {
  await using port = new TestPort(...pairOf("server"));
  await port.open("0.0.0.0");
  await port.tls.prove();
});

Deno.test("reload() takes what works, and goes back when no handshake does", async () => {
  await using port = new TestPort(...pairOf("server"));
  await port.open();
  port.replace(...pairOf("odd-curve"));
  await port.tls.reload();
  assertStringIncludes(port.lines.at(-1)!, "the old ones stay in use");
  assertEquals(port.taken.at(-1)!.cert, pem("server.crt"));
  await port.tls.prove();
  const [cert, key] = pairOf("server2");
  port.replace(`note: ${cert}`, key);
  await port.tls.reload();
  assertStringIncludes(port.lines.at(-1)!, "New certificates are in use");
  assertEquals(port.tls.material.cert, cert);
  await port.tls.prove();
});

Deno.test("load() warns of a certificate that is not for the address where others dial", async () => {
  await using port = new TestPort(...pairOf("other-host"));
  assertEquals(port.lines.length, 1);
  assertStringIncludes(port.lines[0]!, "other.example.org");
  assertStringIncludes(port.lines[0]!, "127.0.0.1");
});

Deno.test("lookAtExpiry() speaks of the last 14 days once a day, and at once when they are over", async () => {
  const [cert, key] = pairOf("server");
  await using port = new TestPort(cert, key);
  const day = 86_400_000;
  const endMs = new X509Certificate(cert).validToDate.getTime();
  const saidAt = (nowMs: number) => {
    port.tls.lookAtExpiry(nowMs);
    return port.lines.splice(0).map((line) => line.replace(/ \{.*/, ""));
  };
  const soon = ["The certificate expires soon"];
  assertEquals(saidAt(endMs - 14 * day - 1), []);
  assertEquals(saidAt(endMs - 14 * day), soon);
  assertEquals(saidAt(endMs - 13 * day - 1), []);
  assertEquals(saidAt(endMs - 13 * day), soon);
  assertEquals(saidAt(endMs - 1), soon);
  assertEquals(saidAt(endMs), ["The certificate has expired, others refuse it"]);
  assertEquals(saidAt(endMs + 1), []);
});
