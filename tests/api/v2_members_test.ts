/** `/v2/members` and its kin where the recorded cases do not go. */
import { assertEquals } from "@std/assert";
import { readPeerUrls } from "../../src/api/peer_urls.ts";
import { member } from "./fake_node.ts";
import { startNode } from "./harness.ts";

const JSON_TYPE = { headers: { "content-type": "application/json" } };

Deno.test("readPeerUrls() takes what etcd takes, sorted, and says what is wrong in its words", () => {
  const urls = ["http://b.example:2380", " https://[::1]:2380 ", "HTTP://a:1"];
  assertEquals(readPeerUrls(urls), {
    ok: true,
    urls: ["HTTP://a:1", "http://b.example:2380", "https://[::1]:2380"],
  });
  const problem = (...given: string[]) => {
    const read = readPeerUrls(given);
    return read.ok ? "none" : read.problem;
  };
  assertEquals(problem(), "no valid URLs given");
  assertEquals(
    problem("unix://a:1"),
    "URL scheme must be http, https, unix, or unixs: unix://a:1",
  );
  for (const url of ["http://a", "http://::1:2380", "http://u:p@a:1"]) {
    assertEquals(problem(url), `URL address does not have the form "host:port": ${url}`);
  }
  for (const url of ["http://a:1/", "http://a:1?x", "http://a:1#x"]) {
    assertEquals(problem(url), `URL must not contain a path: ${url}`);
  }
  assertEquals(problem("http://a b:1"), "invalid URL: http://a b:1");
  assertEquals(problem("http://a:65536"), "invalid URL: http://a:65536");
  assertEquals(problem(`http://${"a".repeat(2000)}:1`), "too many or too long URLs given");
  assertEquals(problem(...Array(17).fill("http://a:1")), "too many or too long URLs given");
});

Deno.test("members() has a bad body refused, whatever is bad about it", async () => {
  await using node = await startNode();
  const post = async (body: string) => {
    const answer = await node.ask("POST", "/v2/members", body, JSON_TYPE);
    return `${answer.status} ${answer.json.message}`;
  };
  assertEquals(await post("{"), "400 unexpected end of JSON input");
  assertEquals(await post('{"peerURLs":["http:'), "400 unexpected end of JSON input");
  assertEquals(await post("{]"), "400 invalid JSON in the request's body");
  assertEquals(await post('{"peerURLs":"http://a:1"}'), "400 peerURLs must be a list of strings");
  assertEquals(await post('{"peerURLs":[1]}'), "400 peerURLs must be a list of strings");
  for (const body of ["null", "1", "[]", '{"peerURLs":null}']) {
    assertEquals(await post(body), "400 no valid URLs given");
  }
});

Deno.test("members() takes the name of the list in any case, and the last one, as Go does", async () => {
  await using node = await startNode();
  const bodies = [
    '{"PeerURLs":["x"]}',
    '{"peerurls":["x"]}',
    '{"peerURLs":["y"],"peerUrls":["x"]}',
  ];
  for (const body of bodies) {
    const { status, json } = await node.ask("POST", "/v2/members", body, JSON_TYPE);
    assertEquals(
      `${status} ${json.message}`,
      "400 URL scheme must be http, https, unix, or unixs: x",
    );
  }
});

Deno.test("members() looks at a body before it looks for the member, as the original does", async () => {
  await using node = await startNode();
  const put = async (id: string, body: string) => {
    const answer = await node.ask("PUT", `/v2/members/${id}`, body, JSON_TYPE);
    return `${answer.status} ${answer.json.message}`;
  };
  assertEquals(await put("abc", "{"), "400 unexpected end of JSON input");
  assertEquals(await put("abc", '{"peerURLs":["http://a:1"]}'), "404 No such member: abc");
  assertEquals(await put("xyz", "{"), "404 No such member: xyz");
});

Deno.test("members() tells a client to try again, or that nobody may be added", async () => {
  await using node = await startNode();
  const add = async () => {
    const body = '{"peerURLs":["http://a:1"]}';
    const answer = await node.ask("POST", "/v2/members", body, JSON_TYPE);
    return [answer.status, answer.json.message];
  };
  node.node.failure = "noLeader";
  assertEquals((await add())[0], 503);
  node.node.failure = undefined;
  node.node.members = [member(1), { ...member(2), name: "", clientUrls: [], voter: false }];
  assertEquals(await add(), [
    500,
    "etcdserver: re-configuration failed due to not enough started members",
  ]);
});

Deno.test("peers() and keys() show the members to clients of 0.4", async () => {
  await using node = await startNode();
  node.node.members = [member(1), member(2), { ...member(3), name: "", clientUrls: [] }];
  await node.ask("PUT", "/v2/keys/_etcd/machines/x?value=1");
  await node.ask("PUT", "/v2/keys/_etcd/registry/y?value=1");
  node.node.leading = member(2);
  assertEquals(
    (await node.ask("GET", "/v2/peers")).text,
    "http://127.0.0.1:4002, http://127.0.0.1:4001",
  );
  const shown = JSON.parse((await node.ask("GET", "/v2/keys/_etcd/machines/")).text).node;
  const value = (number: number) =>
    `raft=http://127.0.0.1:700${number}&etcd=http://127.0.0.1:400${number}`;
  assertEquals(shown.nodes.map(({ key, value }: Record<string, string>) => [key, value]), [
    ["/_etcd/machines/node1", value(1)],
    ["/_etcd/machines/node2", value(2)],
  ]);
  const one = JSON.parse((await node.ask("GET", "/v2/keys/_etcd/machines/node2")).text).node;
  assertEquals([one.key, one.value, one.dir], ["/_etcd/machines/node2", value(2), undefined]);
  const missing = await node.ask("GET", "/v2/keys/_etcd/machines/x");
  assertEquals([missing.status, missing.json.errorCode], [404, 100]);
  assertEquals((await node.ask("GET", "/v2/keys/_etcd/registry/y")).status, 200);
});
