/** Members that find each other by a name server or in a directory of a v2 API, on real ports and disks. */
import { assertEquals, assertRejects } from "@std/assert";
import { DiscoveryError } from "../../src/member/registration.ts";
import { JoinError } from "../../src/member/bootstrap.ts";
import { systemNames } from "../../src/member/names.ts";
import { fixture } from "./client.ts";
import { askAt, FlagNode } from "../shell/flag_node.ts";
import { EtcdMembers } from "./etcd_members.ts";
import { NameServer } from "./name_server.ts";
import { freePort } from "./ports.ts";

const NAMES = ["m1", "m2", "m3"] as const;
const SERVICES = {
  http: "_etcd-server._tcp.example.com",
  https: "_etcd-server-ssl._tcp.example.com",
};
const FLAGS = ["--discovery-srv", "example.com"];

function nameServer(): NameServer {
  return new NameServer({ hostname: "127.0.0.1", port: freePort() });
}

/** Three that a record each names, by a host whose address they advertise. */
function recorded(server: NameServer, scheme: "http" | "https" = "http"): EtcdMembers {
  const members = EtcdMembers.told(FLAGS, ...NAMES);
  members.ask(systemNames(server.address));
  if (scheme === "https") members.secure();
  server.services.set(
    SERVICES[scheme],
    NAMES.map((name, i) => ({
      target: "localhost",
      port: Number(new URL(members.place(name).peerUrl).port),
      priority: i,
    })),
  );
  return members;
}

const TLS = [
  ...["--peer-cert-file", fixture("server.crt"), "--peer-key-file", fixture("server.key.insecure")],
  ...["--peer-trusted-ca-file", fixture("ca.crt")],
];

for (const scheme of ["http", "https"] as const) {
  Deno.test(`members that the DNS names form one cluster by ${scheme}, with the URLs that it gives them`, async () => {
    await using server = nameServer();
    await using members = recorded(server, scheme);
    const flags = scheme === "https" ? TLS : [];
    await Promise.all(NAMES.map((name) => members.start(name, ...flags)));
    assertEquals(await members.set("m2", "a", "b"), 201);
    const urls = NAMES.map((name) => members.place(name).peerUrl.replace("127.0.0.1", "localhost"));
    for (const name of NAMES) {
      await members.knows(name, 3);
      assertEquals(await members.get(name, "a"), "b");
    }
    const records = await Promise.all(NAMES.map((name) => members.recordOf(name)));
    assertEquals(records.map(({ peerURLs }) => peerURLs), urls.map((url) => [url]));
  });
}

Deno.test("a member that has data starts without the DNS, and is where it was", async () => {
  await using server = nameServer();
  await using members = recorded(server);
  await Promise.all(NAMES.map((name) => members.start(name)));
  const [cluster, { peerURLs }] = [await members.clusterOf("m1"), await members.recordOf("m1")];
  for (const name of NAMES) await members.stop(name);
  server.services.clear();
  const { length } = server.asked;
  await Promise.all(NAMES.map((name) => members.start(name)));
  assertEquals(await members.set("m3", "a", "b"), 201);
  assertEquals([await members.clusterOf("m1"), server.asked.length], [cluster, length]);
  assertEquals((await members.recordOf("m1")).peerURLs, peerURLs);
  // A blank one is lost without it.
  await members.wipe("m2");
  await assertRejects(() => members.start("m2"), DiscoveryError, "found no record");
});

Deno.test("a wiped member that the DNS names enters by a place that was kept for it", async () => {
  await using server = nameServer();
  await using members = recorded(server);
  await Promise.all(NAMES.map((name) => members.start(name)));
  assertEquals(await members.set("m1", "a", "b"), 201);
  await members.wipe("m2");
  await assertRejects(() => members.start("m2"), JoinError, "--discovery-srv names");
  await members.replace("m2", "m1");
  await members.start("m2", "--initial-cluster-state=existing");
  assertEquals(await members.get("m2", "a"), "b");
});

Deno.test("members that register in a directory of a v2 API form one cluster, and it takes no more", async () => {
  await using service = await FlagNode.start();
  const directory = `http://127.0.0.1:${service.clientPort}/v2/keys/clusters/blue`;
  const flags = ["--discovery", directory];
  await using members = EtcdMembers.told(flags, ...NAMES, "m4");
  // Nobody has made it yet.
  await assertRejects(() => members.start("m1"), DiscoveryError, "Nobody has said");
  const body = new URLSearchParams({ value: "3" });
  await askAt(`${directory}/_config/size`, { method: "PUT", body });
  const first = members.start("m1");
  await members.said("m1", "1 of 3 are there");
  await Promise.all([first, members.start("m2"), members.start("m3")]);
  assertEquals(await members.set("m2", "a", "b"), 201);
  for (const name of NAMES) {
    await members.knows(name, 3);
    assertEquals(await members.get(name, "a"), "b");
  }
  await assertRejects(() => members.start("m4"), DiscoveryError, "All 3 members");
  // Who has data asks nobody; who has lost them is in the directory, and in the cluster as well.
  await members.stop("m1");
  await members.start("m1");
  await members.wipe("m3");
  await assertRejects(() => members.start("m3"), JoinError, "--discovery names");
  await members.replace("m3", "m2");
  await members.start("m3");
  assertEquals([await members.get("m1", "a"), await members.get("m3", "a")], ["b", "b"]);
});

Deno.test("a member that waits for others at --discovery finds its own key when it starts again", async () => {
  await using service = await FlagNode.start();
  const directory = `http://127.0.0.1:${service.clientPort}/v2/keys/red`;
  await askAt(`${directory}/_config/size`, {
    method: "PUT",
    body: new URLSearchParams({ value: "2" }),
  });
  await using members = EtcdMembers.told(["--discovery", directory], "m1", "m2", "m3");
  const ended = assertRejects(() => members.start("m1"), Error, "The test ends it");
  await members.said("m1", "1 of 2 are there");
  await members.stop("m1");
  await ended;
  await Promise.all([members.start("m1"), members.start("m2")]);
  assertEquals(await members.set("m2", "a", "b"), 201);
});
