import { assertEquals, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { refusalStatus } from "../../src/transport/handshake.ts";
import { Authority } from "../shell/authority.ts";
import { join, TestMember, tlsOf } from "./harness.ts";

/** What `one` says when it dials `url` as member 2. */
async function problemOf(one: TestMember, url: string): Promise<string> {
  one.transport.setPeers([{ id: 2, url }]);
  await one.until("a problem", () => one.complaints("Cannot reach a peer").length > 0);
  assertEquals(one.stats(2).connected, false);
  return one.complaints("Cannot reach a peer")[0]!.cause;
}

Deno.test("a peer with an expired certificate is not dialled", async () => {
  await using one = await TestMember.start({ id: 1, tls: tlsOf("server") });
  await using two = await TestMember.start({ id: 2, tls: tlsOf("expired") });
  assertEquals(
    await problemOf(one, two.url),
    `The certificate of "127.0.0.1:${two.port}" does not verify, ` +
      "expected one that is signed by -serverCAFile, valid now and for server use",
  );
});

Deno.test("a peer of a foreign authority is not dialled", async () => {
  await using one = await TestMember.start({ id: 1, tls: tlsOf("server") });
  await using two = await TestMember.start({
    id: 2,
    tls: tlsOf("foreign-client", "foreign-ca.crt"),
  });
  assertStringIncludes(await problemOf(one, two.url), "is signed by -serverCAFile");
});

Deno.test("a peer whose certificate is for another host is not dialled", async () => {
  await using one = await TestMember.start({ id: 1, tls: tlsOf("server") });
  await using two = await TestMember.start({ id: 2, tls: tlsOf("other-host") });
  assertStringIncludes(await problemOf(one, two.url), "is for other hosts");
});

Deno.test("a peer whose certificate names one address is not dialled at another", async () => {
  await using one = await TestMember.start({ id: 1, tls: tlsOf("server") });
  await using two = await TestMember.start({
    id: 2,
    tls: tlsOf("server2"),
    hostname: "127.0.0.2",
  });
  assertStringIncludes(
    await problemOf(one, `https://127.0.0.2:${two.port}`),
    '"127.0.0.2" is not among its names (localhost, 127.0.0.1',
  );
});

Deno.test("a peer is dialled by name and by IPv6 address under the same certificate", async () => {
  await using one = await TestMember.start({ id: 1, tls: tlsOf("server") });
  await using two = await TestMember.start({ id: 2, tls: tlsOf("server2") });
  await using three = await TestMember.start({ id: 3, tls: tlsOf("server3"), hostname: "::1" });
  one.transport.setPeers([
    { id: 2, url: `https://localhost:${two.port}` },
    { id: 3, url: `https://[::1]:${three.port}` },
  ]);
  await Promise.all([one.untilUp(2), one.untilUp(3)]);
});

for (const name of ["expired", "foreign-client", "server-only"]) {
  Deno.test(`a caller with the certificate "${name}" is not let in`, async () => {
    await using one = await TestMember.start({ id: 1, tls: tlsOf(name) });
    await using two = await TestMember.start({ id: 2, tls: tlsOf("server") });
    assertStringIncludes(
      await problemOf(one, two.url),
      "it may not accept this member's certificate",
    );
    assertEquals(two.hellos, []);
  });
}

Deno.test("a caller whose certificate is not for its announced host is refused", async () => {
  await using two = await TestMember.start({ id: 2, tls: tlsOf("server2") });
  const callers = [
    { tls: tlsOf("other-host") },
    { tls: tlsOf("server"), url: "https://127.0.0.3:7001" },
    { tls: tlsOf("server"), url: "https://node.example.org:7001" },
  ];
  for (const caller of callers) {
    await using one = await TestMember.start({ id: 1, ...caller });
    await problemOf(one, two.url);
    assertEquals(one.refusals[0]?.status, refusalStatus.certificate);
    assertStringIncludes(
      one.refusals[0]!.reason,
      "The certificate of the caller is not for the host of its URL",
    );
  }
  assertEquals(two.hellos, []);
});

Deno.test("no member passes for another by a name within a name, whoever dials", async () => {
  using authority = new Authority();
  const tlsFor = (name: string, ...hosts: readonly string[]) => {
    authority.issue(name, ...hosts);
    const [cert, key, ca] = [`${name}.crt`, `${name}.key`, "ca.crt"]
      .map((file) => Deno.readTextFileSync(authority.path(file)));
    return { cert: cert!, key: key!, ca: ca! };
  };
  const good = tlsFor("good", "127.0.0.1");
  // Of the second the runtime's own check makes an error that nobody catches.
  const forged = [tlsFor("list", "a, IP Address:127.0.0.1"), tlsFor("quote", 'a", DNS:b')];
  for (const tls of forged) {
    await using one = await TestMember.start({ id: 1, tls: good });
    await using two = await TestMember.start({ id: 2, tls });
    join(one, two);
    await one.until("a problem", () => one.complaints("is for other hosts").length > 0);
    await two.until("a refusal", () => two.refusals.length > 0);
    assertEquals(two.refusals[0]?.status, refusalStatus.certificate);
    assertEquals([...one.hellos, ...two.hellos], []);
  }
});

Deno.test("a peer whose certificate is revoked, or has another name, is not dialled", async () => {
  await using two = await TestMember.start({ id: 2, tls: tlsOf("server2") });
  const authority = new X509Certificate(tlsOf("server2").ca!).raw.toString("hex");
  const problem = (_: Uint8Array, issuers: readonly Uint8Array[]) =>
    issuers.map((issuer) => issuer.toHex()).join() === authority ? "not of this house" : undefined;
  await using one = await TestMember.start({ id: 1, tls: { ...tlsOf("server"), problem } });
  assertEquals(
    await problemOf(one, two.url),
    `The certificate of "127.0.0.1" is not taken: not of this house; of etcd it hears "remote error: tls: bad certificate"`,
  );
  assertEquals(two.hellos, []);
});

Deno.test("members without an authority take each other's certificates, whoever made them", async () => {
  const { ca: _1, ...first } = tlsOf("server");
  const { ca: _2, ...second } = tlsOf("foreign-client");
  await using one = await TestMember.start({ id: 1, tls: first });
  await using two = await TestMember.start({ id: 2, tls: second });
  join(one, two);
  await Promise.all([one.untilUp(2), two.untilUp(1)]);
});

Deno.test("a plain member that meets a TLS port says so, and the other way round", async () => {
  await using plain = await TestMember.start({ id: 1 });
  await using secure = await TestMember.start({ id: 2, tls: tlsOf("server") });
  assertEquals(
    await problemOf(plain, `http://127.0.0.1:${secure.port}`),
    `Peer "127.0.0.1:${secure.port}" answers TLS, expected plain HTTP: start both with or without -serverCert`,
  );
  secure.transport.setPeers([{ id: 1, url: `https://127.0.0.1:${plain.port}` }]);
  await secure.until("a line", () => secure.complaints("answers plain HTTP").length === 1);
  assertEquals(
    secure.complaints("answers plain HTTP")[0]!.cause,
    `Peer "127.0.0.1:${plain.port}" answers plain HTTP, expected TLS: start both with or without -serverCert`,
  );
});

Deno.test("a member does not dial a URL of the other scheme", async () => {
  await using plain = await TestMember.start({ id: 1 });
  await using secure = await TestMember.start({ id: 2, tls: tlsOf("server") });
  join(plain, secure);
  await plain.until("a line", () => plain.complaints("uses TLS, expected plain HTTP").length === 1);
  await secure.until(
    "a line",
    () => secure.complaints("uses plain HTTP, expected TLS").length === 1,
  );
});
