/** The curl lines of the page, given to a real shell. */
import { assertEquals } from "@std/assert";
import { curlLine, type CurlRequest, encodeKey } from "../../src/dashboard/ui/curl.ts";
import { startDashboard } from "./harness.ts";

const ORIGIN = "http://127.0.0.1:4001";
const line = (request: CurlRequest, tls: "none" | "server" | "mutual" = "none") =>
  curlLine({ origin: ORIGIN, tls }, request);

Deno.test("curlLine() is as simple as what it does", () => {
  assertEquals(line({ path: "/v1/keys/foo" }), `curl ${ORIGIN}/v1/keys/foo`);
  assertEquals(
    line({ path: "/v1/keys/foo", fields: [["value", "bar"], ["ttl", "5"]] }),
    `curl ${ORIGIN}/v1/keys/foo -d value=bar -d ttl=5`,
  );
  assertEquals(
    line({ path: "/v3/kv/range", json: '{"key":"Zm9v"}' }),
    `curl ${ORIGIN}/v3/kv/range -d '{"key":"Zm9v"}'`,
  );
  assertEquals(
    line({ method: "DELETE", path: "/v1/keys/foo" }),
    `curl -X DELETE ${ORIGIN}/v1/keys/foo`,
  );
  assertEquals(
    line({ path: "/v1/keys/foo", fields: [["value", "Hello world"]] }),
    `curl ${ORIGIN}/v1/keys/foo --data-urlencode 'value=Hello world'`,
  );
});

Deno.test("curlLine() has the certificates that the port asks for", () => {
  assertEquals(line({ path: "/" }, "server"), `curl --cacert ca.crt ${ORIGIN}/`);
  assertEquals(
    line({ path: "/" }, "mutual"),
    `curl --cacert ca.crt --cert client.crt --key client.key ${ORIGIN}/`,
  );
});

Deno.test("curlLine() names a file instead of a long value", () => {
  for (const value of ["é".repeat(3000), "x".repeat(1_000_000)]) {
    assertEquals(
      line({ path: "/v1/keys/foo", fields: [["value", value]] }),
      `curl ${ORIGIN}/v1/keys/foo --data-urlencode value@value.txt`,
    );
  }
});

const HOSTILE = [
  "it's",
  '"$(id)" `id` $HOME',
  "@/etc/passwd",
  "a&value=b+c%20;d",
  "two\nlines\ttab",
  "\x1b[31mred\x07\x03",
  "\u202Egnp.exe",
  "-d --data",
  "!! !$",
  "日本語 🙂",
  "\\'; exit 1; '",
  "\ud800 lone",
];

/** What a terminal acts on, or shows in another order. */
const DANGEROUS = /[\p{C}\p{Zl}\p{Zp}]/u;

Deno.test("curlLine() sets hostile keys and values byte for byte through a shell", async () => {
  await using node = await startDashboard();
  for (const text of HOSTILE) {
    const wanted = text.replace("\ud800", "\ufffd");
    const key = `/h/${wanted.replaceAll("/", "_")}`;
    const request = { path: `/v1/keys${encodeKey(key)}`, fields: [["value", text]] as const };
    const command = curlLine({ origin: node.url, tls: "none" }, request);
    assertEquals(DANGEROUS.test(command), false, command);
    const { code, stdout } = await new Deno.Command("sh", {
      args: ["-c", command.replace("curl", "curl -s")],
    }).output();
    const answer = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([code, answer.key, answer.value], [0, key, wanted]);
  }
});
