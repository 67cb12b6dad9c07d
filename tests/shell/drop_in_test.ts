/**
 * The lines by which others start etcd, as they are but for directories and ports: the unit
 * of Debian's package, and the static pods of kubeadm; and what probes them.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type Fields, silentLogger } from "../../src/base/logger.ts";
import { Server } from "../../src/server.ts";
import { EtcdDataError } from "../../src/server/data_directory.ts";
import { fixture } from "../cluster/client.ts";
import { NodeProcess } from "../cluster/node_process.ts";
import { freePort } from "../cluster/ports.ts";
import { askAt, configOf } from "./flag_node.ts";

/** `[Service]` of etcd-server 3.4.23 in Debian 12, as far as it says what is run. */
const DEBIAN_UNIT = `
Environment=DAEMON_ARGS=
Environment=ETCD_NAME=%H
Environment=ETCD_DATA_DIR=/var/lib/etcd/default
EnvironmentFile=-/etc/default/%p
Type=notify
ExecStart=/usr/bin/etcd $DAEMON_ARGS
`;

/** As systemd reads them (systemd.exec(5)); later ones count. */
function variablesOf(unit: string, environmentFile: string): Record<string, string> {
  const assignments = [
    ...[...unit.matchAll(/^Environment=(.*)$/gm)].map(([, text]) => text!),
    ...environmentFile.split("\n").filter((line) => /^[A-Z]/.test(line)),
  ];
  return Object.fromEntries(assignments.map((text) => {
    const [name, ...value] = text.replaceAll("%H", "debian-12").split("=");
    return [name!, value.join("=").replaceAll('"', "")];
  }));
}

Deno.test("Debian's unit starts a node that tells systemd when it serves", async () => {
  const directory = await Deno.makeTempDir();
  const notify = `${directory}/notify`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: notify });
  const [client, peer] = [freePort(), freePort()];
  // /etc/default/etcd, in the form of its own comments.
  const environmentFile = [
    "## etcd(1) daemon options",
    `ETCD_DATA_DIR="${directory}/default"`,
    `ETCD_LISTEN_CLIENT_URLS="http://localhost:${client}"`,
    `ETCD_ADVERTISE_CLIENT_URLS="http://localhost:${client}"`,
    `ETCD_LISTEN_PEER_URLS="http://localhost:${peer}"`,
    `ETCD_INITIAL_ADVERTISE_PEER_URLS="http://localhost:${peer}"`,
    `ETCD_INITIAL_CLUSTER="debian-12=http://localhost:${peer}"`,
    'DAEMON_ARGS="--snapshot-count 50000 --enable-v2"',
  ].join("\n");
  const { DAEMON_ARGS, ...environment } = variablesOf(DEBIAN_UNIT, environmentFile);
  const args = DAEMON_ARGS!.split(" ").filter((word) => word !== "");
  const node = NodeProcess.spawn(args, { environment: { ...environment, NOTIFY_SOCKET: notify } });
  const [bytes] = await socket.receive();
  assertMatch(new TextDecoder().decode(bytes), /^READY=1\n/);
  const { text } = await askAt(`http://127.0.0.1:${client}/v2/members`);
  assertEquals(JSON.parse(text).members[0].name, "debian-12");
  node.signal("SIGTERM");
  assertEquals((await node.ended).code, 0);
  socket.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a node does not start in etcd's own directory, and says how the data comes over", async () => {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/member/snap`, { recursive: true });
  await Deno.writeTextFile(`${directory}/member/snap/db`, "");
  const ports = ["-c", `${freePort()}`, "-s", `${freePort()}`];
  const config = configOf(["-d", directory, "-n", "m1", ...ports]);
  await assertRejects(
    () => Server.start(config, silentLogger),
    EtcdDataError,
    `etcd restore ${directory}/member/snap/db -d OTHER -n m1`,
  );
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
  assertEquals(names.filter((name) => name !== "etcd.lock"), ["member"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a node that was given another name publishes the one that its cluster knows", async () => {
  const directory = await Deno.makeTempDir();
  const [client, peer] = [freePort(), freePort()].map((port) => `http://127.0.0.1:${port}`);
  const urls = ["--advertise-client-urls", client!, "--listen-peer-urls", peer!];
  for (const name of ["first", "second"]) {
    const args = [
      "--name",
      name,
      "--data-dir",
      directory,
      "--listen-client-urls",
      client!,
      ...urls,
    ];
    const published = Promise.withResolvers<unknown>();
    const info = (message: string, fields?: Fields) => {
      if (message.startsWith("published")) published.resolve(fields?.["local-member-attributes"]);
    };
    const server = await Server.start(configOf(args), { ...silentLogger, info });
    assertEquals(await published.promise, `{Name:first ClientURLs:[${client}]}`);
    await server.stop(0);
  }
  await Deno.remove(directory, { recursive: true });
});

/** What kubeadm writes into `/etc/kubernetes/manifests/etcd.yaml`, in its order; etcd 3.5. */
const KUBEADM_1_33 = `
--advertise-client-urls=https://192.168.1.10:2379
--cert-file=/etc/kubernetes/pki/etcd/server.crt
--client-cert-auth=true
--data-dir=/var/lib/etcd
--experimental-initial-corrupt-check=true
--experimental-watch-progress-notify-interval=5s
--initial-advertise-peer-urls=https://192.168.1.10:2380
--initial-cluster=controlplane=https://192.168.1.10:2380
--key-file=/etc/kubernetes/pki/etcd/server.key
--listen-client-urls=https://127.0.0.1:2379,https://192.168.1.10:2379
--listen-metrics-urls=http://127.0.0.1:2381
--listen-peer-urls=https://192.168.1.10:2380
--name=controlplane
--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt
--peer-client-cert-auth=true
--peer-key-file=/etc/kubernetes/pki/etcd/peer.key
--peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
--snapshot-count=10000
--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt
`;

/** For etcd 3.6. */
const KUBEADM_1_34 = KUBEADM_1_33
  .replace("--experimental-initial-corrupt-check=true", "--feature-gates=InitialCorruptCheck=true")
  .replace("--experimental-watch", "--watch");

/** Of the two manifests: liveness, startup and readiness; and what people look with. */
const PROBES = [
  "/health?exclude=NOSPACE&serializable=true",
  "/health?serializable=false",
  "/livez",
  "/readyz",
];

/** `/etc/kubernetes/pki/etcd`, as kubeadm has it. */
async function makePki(directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  await Deno.copyFile(fixture("ca.crt"), `${directory}/ca.crt`);
  for (const name of ["server", "peer"]) {
    await Deno.copyFile(fixture("server.crt"), `${directory}/${name}.crt`);
    await Deno.copyFile(fixture("server.key.insecure"), `${directory}/${name}.key`);
  }
}

for (const [version, manifest] of [["1.33", KUBEADM_1_33], ["1.34", KUBEADM_1_34]] as const) {
  Deno.test(`the static pod of kubeadm ${version} starts, and its probes succeed`, async () => {
    const root = await Deno.makeTempDir();
    await makePki(`${root}/pki`);
    const [client, peer, metrics] = [freePort(), freePort(), freePort()];
    const args = manifest.trim()
      .replaceAll("/etc/kubernetes/pki/etcd", `${root}/pki`)
      .replaceAll("/var/lib/etcd", `${root}/data`)
      .replaceAll("192.168.1.10", "127.0.0.2")
      .replaceAll(":2379", `:${client}`).replaceAll(":2380", `:${peer}`)
      .replaceAll(":2381", `:${metrics}`).split("\n");
    const server = await Server.start(configOf(args), silentLogger);
    try {
      for (const probe of PROBES) {
        const { status, text } = await askAt(`http://127.0.0.1:${metrics}${probe}`);
        assertEquals(status, 200, `${probe}: ${text}`);
      }
      const { text } = await askAt(`http://127.0.0.1:${metrics}/readyz?verbose`);
      assertStringIncludes(text, "[+]");
      await apiserverIsServed(client);
      assertEquals(
        (await askAt(`https://127.0.0.1:${client}/version`)).status,
        0,
        "no certificate",
      );
    } finally {
      await server.stop(0);
      await Deno.remove(root, { recursive: true });
    }
  });
}

/** By its certificate, at both addresses. */
async function apiserverIsServed(port: number): Promise<void> {
  using http = Deno.createHttpClient({
    caCerts: [await Deno.readTextFile(fixture("ca.crt"))],
    cert: await Deno.readTextFile(fixture("client.crt")),
    key: await Deno.readTextFile(fixture("client.key.insecure")),
  });
  const { status, text } = await askAt(`https://127.0.0.1:${port}/version`, { client: http });
  assertEquals(status, 200);
  // kube-apiserver asks for progress from 3.5.13 on.
  assert(/"etcdserver":"3\.5\.(1[3-9]|[2-9]\d)"/.test(text.replaceAll(" ", "")), text);
  const compaction = { compare: [{ key: btoa("compact_rev_key"), target: "VERSION" }] };
  const request = { method: "POST", body: JSON.stringify(compaction), client: http };
  assertEquals((await askAt(`https://127.0.0.1:${port}/v3/kv/txn`, request)).status, 200);
}
