/** Certificates in the course of time, at every port of a composed node: new ones, and expired ones. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { silentLogger } from "../../src/base/logger.ts";
import { TlsError } from "../../src/http/tls_check.ts";
import { Server } from "../../src/server.ts";
import { freePort } from "../cluster/ports.ts";
import { until } from "../cluster/wait.ts";
import { Authority, greet } from "./authority.ts";
import { configOf } from "./flag_node.ts";

/** A node with every kind of port, all of them under mutual TLS. */
class SecureNode implements AsyncDisposable {
  readonly ports = { client: freePort(), grpc: freePort(), metrics: freePort(), peer: freePort() };
  readonly lines: string[] = [];
  #server: Server | undefined;

  static async start(authority: Authority, ...flags: string[]): Promise<SecureNode> {
    const node = new SecureNode();
    const { client, grpc, metrics, peer } = node.ports;
    const files = ["client", "server"].flatMap((side) => [
      ...[`-${side}Cert`, authority.path("server.crt")],
      ...[`-${side}Key`, authority.path("server.key")],
      ...[`-${side}CAFile`, authority.path("ca.crt")],
    ]);
    const say = (message: string) => void node.lines.push(message);
    node.#server = await Server.start(
      configOf([
        ...["-d", `${authority.directory}/data`, "-c", `${client}`, "-s", `${peer}`, ...files],
        ...["-grpc", `${grpc}`, `--listen-metrics-urls=https://127.0.0.1:${metrics}`, ...flags],
      ]),
      { ...silentLogger, error: say, info: say },
    );
    return node;
  }

  count(line: string): number {
    return this.lines.filter((said) => said.startsWith(line)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop(0);
  }
}

/** What `look` finds on a connection of who has NAME's certificate. */
function shown<T>(
  authority: Authority,
  port: number,
  name: string,
  look: (socket: TLSSocket) => T,
  options: Partial<ConnectionOptions> = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...options,
      host: "127.0.0.1",
      port,
      ca: Deno.readTextFileSync(authority.path("ca.crt")),
      cert: Deno.readTextFileSync(authority.path(`${name}.crt`)),
      key: Deno.readTextFileSync(authority.path(`${name}.key`)),
    }, () => {
      resolve(look(socket));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

function serialOf(socket: TLSSocket): string {
  return new X509Certificate(socket.getPeerCertificate().raw).serialNumber;
}

Deno.test("every port under TLS takes a new certificate, and none that has expired, neither as its own nor of a client", async () => {
  using authority = new Authority();
  authority.issue("server", "127.0.0.1");
  authority.issue("good", "127.0.0.1");
  authority.issueExpired("late", "127.0.0.1");
  await using node = await SecureNode.start(authority);
  for (const [name, port] of Object.entries(node.ports)) {
    assertStringIncludes(await greet(authority, port, "good"), "HTTP/1.1", name);
    assertEquals(await greet(authority, port, "late"), "", `${name}: an expired client`);
  }
  const next = new X509Certificate(authority.issue("server", "127.0.0.1")).serialNumber;
  const areUsed = "New certificates are in use";
  await until("both pairs to be used", () => node.count(areUsed) === 2);
  const serials = () =>
    Promise.all(
      Object.entries(node.ports).map(async ([name, port]) =>
        [name, await shown(authority, port, "good", serialOf)] as const
      ),
    );
  const expected = Object.keys(node.ports).map((name) => [name, next] as const);
  assertEquals(await serials(), expected);
  authority.issueExpired("server", "127.0.0.1");
  const areRefused = "The new certificates can't be used";
  await until("both pairs to be refused", () => node.count(areRefused) === 2);
  assertEquals(await serials(), expected, "what works goes on");
});

Deno.test("a node does not start under a certificate that has expired", async () => {
  using authority = new Authority();
  authority.issueExpired("server", "127.0.0.1");
  await assertRejects(() => SecureNode.start(authority), TlsError, "expired");
});

Deno.test("every port under TLS speaks the versions that --tls-min-version and --tls-max-version say", async () => {
  using authority = new Authority();
  authority.issue("server", "127.0.0.1");
  authority.issue("good", "127.0.0.1");
  const versionOf = (socket: TLSSocket) => socket.getProtocol();
  {
    await using node = await SecureNode.start(authority, "--tls-max-version=TLS1.2");
    for (const [name, port] of Object.entries(node.ports)) {
      assertEquals(await shown(authority, port, "good", versionOf), "TLSv1.2", name);
    }
  }
  await using node = await SecureNode.start(authority, "--tls-min-version=TLS1.3");
  for (const [name, port] of Object.entries(node.ports)) {
    assertEquals(await shown(authority, port, "good", versionOf), "TLSv1.3", name);
    const old = { maxVersion: "TLSv1.2" } as const;
    await assertRejects(() => shown(authority, port, "good", versionOf, old), Error, "", name);
  }
});
