/** Members that find each other by a name server (`--discovery-srv`), on real ports and disks. */
import { assertEquals, assertRejects } from "@std/assert";
import { DiscoveryError } from "../../src/member/discovery.ts";
import { JoinError } from "../../src/member/bootstrap.ts";
import { systemNames } from "../../src/member/names.ts";
import { fixture } from "./client.ts";
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
  const members = EtcdMembers.byDns(systemNames(server.address), scheme, ...NAMES);
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
    const flags = scheme === "https" ? [...FLAGS, ...TLS] : FLAGS;
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
  await Promise.all(NAMES.map((name) => members.start(name, ...FLAGS)));
  const [cluster, { peerURLs }] = [await members.clusterOf("m1"), await members.recordOf("m1")];
  for (const name of NAMES) await members.stop(name);
  server.services.clear();
  const { length } = server.asked;
  await Promise.all(NAMES.map((name) => members.start(name, ...FLAGS)));
  assertEquals(await members.set("m3", "a", "b"), 201);
  assertEquals([await members.clusterOf("m1"), server.asked.length], [cluster, length]);
  assertEquals((await members.recordOf("m1")).peerURLs, peerURLs);
  // A blank one is lost without it.
  await members.wipe("m2");
  await assertRejects(() => members.start("m2", ...FLAGS), DiscoveryError, "found no record");
});

Deno.test("a wiped member that the DNS names enters by a place that was kept for it", async () => {
  await using server = nameServer();
  await using members = recorded(server);
  await Promise.all(NAMES.map((name) => members.start(name, ...FLAGS)));
  assertEquals(await members.set("m1", "a", "b"), 201);
  await members.wipe("m2");
  await assertRejects(() => members.start("m2", ...FLAGS), JoinError, "--discovery-srv names");
  await members.replace("m2", "m1");
  await members.start("m2", ...FLAGS, "--initial-cluster-state=existing");
  assertEquals(await members.get("m2", "a"), "b");
});
