import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { PeerError } from "../../src/transport/peer_error.ts";
import { type PeerRequest, requestPeer } from "../../src/transport/peer_http.ts";
import { TestMember, tlsOf } from "./harness.ts";

const POST: PeerRequest = {
  method: "POST",
  path: "/v1/join?x=%20",
  body: '{"name":"nœud"}',
  tls: undefined,
  timeoutMs: 10_000,
  responseBytesMax: 1000,
};

async function failure(url: string, options: Partial<PeerRequest> = {}): Promise<PeerError> {
  return await assertRejects(() => requestPeer(url, { ...POST, ...options }), PeerError);
}

for (const tls of [undefined, tlsOf("server")]) {
  Deno.test(`requestPeer() brings back status and body, ${tls ? "mTLS" : "plain"}`, async () => {
    await using peer = await TestMember.start({
      id: 1,
      ...(tls === undefined ? {} : { tls }),
      handler: (exchange) => {
        const { method, target, body } = exchange;
        const contentType = exchange.header("content-type");
        return { status: 409, body: `${method} ${target} ${contentType} ${body}` };
      },
    });
    assertEquals(await requestPeer(peer.url, { ...POST, tls }), {
      status: 409,
      body: 'POST /v1/join?x=%20 application/json {"name":"nœud"}',
    });
    const get = { ...POST, method: "GET", path: "/x", body: "", tls };
    assertStringIncludes((await requestPeer(peer.url, get)).body, "GET /x undefined");
  });
}

Deno.test("requestPeer() bounds the answer", async () => {
  await using peer = await TestMember.start({
    id: 1,
    handler: () => ({ status: 200, body: "x".repeat(1001) }),
  });
  const error = await failure(peer.url);
  assertEquals(error.kind, "tooLarge");
  assertStringIncludes(error.message, "Expected an answer of at most 1000 bytes");
  const reply = await requestPeer(peer.url, { ...POST, responseBytesMax: 1001 });
  assertEquals(reply.body.length, 1001);
});

Deno.test("requestPeer() gives up after its time, before and within the answer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  for (const start of ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]) {
    const [connection, error] = await Promise.all([
      listener.accept().then(async (accepted) => {
        await accepted.write(new TextEncoder().encode(start));
        return accepted;
      }),
      failure(url, { timeoutMs: 50 }),
    ]);
    assertEquals(error.kind, "timeout");
    assertStringIncludes(error.message, "within 50 ms");
    connection.close();
  }
});

Deno.test("requestPeer() says that an answer was cut", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const cut = listener.accept().then(async (connection) => {
    await connection.read(new Uint8Array(1000));
    const half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    await connection.write(new TextEncoder().encode(half));
    connection.close();
  });
  const error = await failure(`http://127.0.0.1:${listener.addr.port}`);
  assertEquals(error.kind, "unreachable");
  await cut;
});

Deno.test("requestPeer() names what is wrong with an address", async () => {
  const refused = await failure("http://127.0.0.1:1");
  assertEquals([refused.kind, refused.message], ["refused", 'Nothing listens at "127.0.0.1:1"']);
  assertInstanceOf(refused.cause, Error);
  // "timeout" where no name server answers.
  assertMatch((await failure("http://host.invalid:1")).kind, /^(unreachable|timeout)$/);
  assertEquals((await failure("7001")).kind, "protocol");
  assertEquals((await failure("ftp://127.0.0.1:1")).kind, "protocol");
  assertEquals((await failure("https://127.0.0.1:1")).kind, "tlsMismatch");
  assertEquals((await failure("http://127.0.0.1:1", { tls: tlsOf("server") })).kind, "tlsMismatch");
});

Deno.test("requestPeer() names a mix-up of TLS and plain HTTP", async () => {
  await using plain = await TestMember.start({ id: 1 });
  await using secure = await TestMember.start({ id: 2, tls: tlsOf("server") });
  const toSecure = await failure(`http://127.0.0.1:${secure.port}`);
  assertEquals(toSecure.kind, "tlsMismatch");
  assertStringIncludes(toSecure.message, "answers TLS, expected plain HTTP");
  const toPlain = await failure(`https://127.0.0.1:${plain.port}`, { tls: tlsOf("server") });
  assertEquals(toPlain.kind, "tlsMismatch");
  assertStringIncludes(toPlain.message, "answers plain HTTP, expected TLS");
});

Deno.test("requestPeer() names a certificate that is not accepted", async () => {
  await using peer = await TestMember.start({ id: 1, tls: tlsOf("server") });
  await using expired = await TestMember.start({ id: 2, tls: tlsOf("expired") });
  await using other = await TestMember.start({ id: 3, tls: tlsOf("other-host") });
  const cases = [
    [expired.url, tlsOf("server"), "valid now"],
    [other.url, tlsOf("server"), "is for other hosts"],
    [peer.url, tlsOf("server", "foreign-ca.crt"), "is signed by -serverCAFile"],
    [peer.url, tlsOf("foreign-client"), "may not accept this member's certificate"],
  ] as const;
  for (const [url, tls, words] of cases) {
    const error = await failure(url, { tls });
    assertEquals(error.kind, "certificate");
    assertStringIncludes(error.message, words);
  }
});

Deno.test("requestPeer() says that something else than HTTP answers", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answered = listener.accept().then(async (connection) => {
    await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH\r\n"));
    return connection;
  });
  const error = await failure(`http://127.0.0.1:${listener.addr.port}`);
  assertEquals(error.kind, "protocol");
  assertStringIncludes(error.message, "Expected an HTTP answer");
  (await answered).close();
});
