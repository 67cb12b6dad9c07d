/** `etcd doctor`: what it finds in sound, damaged and busy directories, and that it changes nothing. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { crc32 } from "node:zlib";
import { silentLogger } from "../../src/base/logger.ts";
import {
  diagnoseCertificates,
  diagnoseClock,
  diagnoseLimits,
  diagnosePort,
} from "../../src/cli/doctor_host.ts";
import { diagnoseData } from "../../src/cli/doctor_data.ts";
import { type Finding, findingsTable } from "../../src/cli/finding.ts";
import { PortTls } from "../../src/operations/port_tls.ts";
import { openRealDisk } from "../../src/storage/real_disk.ts";
import { Store } from "../../src/store/store.ts";
import { issueCertificate, keyIdentifierOf, toPem } from "../../src/x509/certificate.ts";
import { freePort, freePorts } from "../cluster/ports.ts";
import { batch, entryOf, founded, FOUNDER, meta, smallOptions } from "../storage/harness.ts";
import { configOf } from "../shell/flag_node.ts";
import { setting } from "../store/setting.ts";
import { etcd } from "./harness.ts";

const STAMPED_MS = Date.UTC(2026, 5, 1);

function command(i: number): Uint8Array {
  return setting(`/k${i}`, "v", STAMPED_MS + i);
}

/** A node's directory with a snapshot and a log; `use` gets its storage before it is closed. */
async function withDirectory(
  test: (path: string) => Promise<void>,
  use: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    await Deno.chmod(path, 0o700);
    const storage = await founded(await openRealDisk(path), smallOptions({ logger: silentLogger }));
    const store = new Store();
    for (let index = 1; index <= 20; index++) {
      await storage.save(batch({
        hardState: { term: 1, vote: 0, commitIndex: index - 1 },
        entries: [entryOf("command", index, 1, command(index))],
      }));
      store.apply(index, command(index));
      if (index === 10) {
        await storage.createSnapshot(meta(10, 1, FOUNDER.initial), store.snapshot(), 5);
      }
    }
    await use(path);
    await storage.close();
    await test(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function contents(path: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(path), async ({ name }) => {
    const bytes = await Deno.readFile(`${path}/${name}`);
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    return `${name} ${new Uint8Array(hash).toHex()}`;
  });
  return entries.sort();
}

function findingOf(findings: readonly Finding[], check: string): Finding {
  return findings.find((finding) => finding.check === check)!;
}

const noProgress = () => {};

/** Which port is how. */
function portsIn(findings: readonly Finding[]): string[] {
  return findings.filter(({ check }) => check.endsWith(" port"))
    .map(({ check, status, found }) => `${status} ${check} ${found.split(" ")[0]}`);
}

async function doctor(...args: readonly string[]): Promise<Finding[]> {
  const { status, out, err } = await etcd(["doctor", "-o", "json", ...args]);
  assertEquals(err, "");
  const findings: Finding[] = JSON.parse(out);
  // A busy disk may be another failure.
  assertEquals(status, findings.some(({ status }) => status === "fail") ? 1 : 0);
  return findings;
}

Deno.test("diagnoseData() proves a sound directory and changes nothing in it", async () => {
  await withDirectory(async (path) => {
    const before = await contents(path);
    const { findings, isRunning, stampedMs } = await diagnoseData(path, noProgress);
    assertEquals(findingOf(findings, "data directory").status, "ok");
    const verified = findingOf(findings, "log, snapshot");
    assertEquals([verified.status, verified.advice], ["ok", ""]);
    assert(verified.found.includes("snapshot at index 10, log to 20"), verified.found);
    assertEquals([isRunning, stampedMs], [false, STAMPED_MS + 20]);
    assertEquals(await contents(path), before);
  });
});

Deno.test("diagnoseData() looks at the directory of a running node without disturbing it", async () => {
  await withDirectory(async () => {}, async (path) => {
    // The next segment is made in the background.
    while (Array.from(Deno.readDirSync(path)).some(({ name }) => name.endsWith(".tmp"))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const before = await contents(path);
    const { findings, isRunning } = await diagnoseData(path, noProgress);
    assertEquals([findingOf(findings, "log, snapshot").status, isRunning], ["ok", true]);
    assertEquals(await contents(path), before);
  });
});

Deno.test("diagnoseData() tells file and offset of damage, and what to do", async () => {
  await withDirectory(async (path) => {
    const names = (await contents(path)).map((line) => line.split(" ")[0]!);
    const segment = names.find((name) => name.startsWith("wal-") && name.endsWith(".log"))!;
    const bytes = await Deno.readFile(`${path}/${segment}`);
    bytes[600]! ^= 1;
    await Deno.writeFile(`${path}/${segment}`, bytes);
    const { findings } = await diagnoseData(path, noProgress);
    const { status, found, advice } = findingOf(findings, "log, snapshot");
    assertEquals(status, "fail");
    assert(found.includes(segment) && /at offset \d+/.test(found), found);
    assert(advice !== "");
  });
});

Deno.test("diagnoseData() warns of a directory that is not there, and of one that others may read", async () => {
  const missing = await diagnoseData("/nonexistent/etcd", noProgress);
  assertEquals(missing.findings.map(({ status }) => status), ["warn"]);
  await withDirectory(async (path) => {
    await Deno.chmod(path, 0o755);
    const { findings } = await diagnoseData(path, noProgress);
    const { status, advice } = findingOf(findings, "data directory");
    assertEquals([status, advice], ["warn", `chmod 700 ${path}`]);
  });
});

Deno.test("diagnoseData() tells of a restore that was cut short", async () => {
  await withDirectory(async (path) => {
    await Deno.writeTextFile(`${path}/etcd.restoring`, "");
    const { findings } = await diagnoseData(path, noProgress);
    const { status, found, advice } = findingOf(findings, "log, snapshot");
    assertEquals([status, advice], ["fail", ""]);
    assert(/cut short: run it again/.test(found), found);
  });
});

Deno.test("diagnoseData() advises nobody to erase what a newer version has written", async () => {
  await withDirectory(async (path) => {
    const identity = `${path}/etcd.identity`;
    const bytes = await Deno.readFile(identity);
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 99);
    view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)));
    await Deno.writeFile(identity, bytes);
    const { findings } = await diagnoseData(path, noProgress);
    const { status, found, advice } = findingOf(findings, "log, snapshot");
    assertEquals([status, advice], ["fail", ""]);
    assert(/found 99: start the version of the program that wrote it/.test(found), found);
  });
});

Deno.test("diagnoseData() does not take a node for stopped whose lock this user may not open", async () => {
  await withDirectory(async () => {}, async (path) => {
    const { openSync } = Deno;
    Deno.openSync = (name, options) => {
      if (`${name}`.endsWith("/etcd.lock")) throw new Deno.errors.PermissionDenied();
      return openSync(name, options);
    };
    try {
      const { findings, isRunning, hasData } = await diagnoseData(path, noProgress);
      assertEquals([isRunning, hasData], [undefined, true]);
      assertEquals(findingOf(findings, "data directory").status, "fail");
    } finally {
      Deno.openSync = openSync;
    }
  });
});

Deno.test("diagnosePort() wants a port free, or answering when the node runs", async () => {
  const port = freePort();
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const checked = { name: "client", address: { host: "127.0.0.1", port }, host: "127.0.0.1" };
  assertEquals((await diagnosePort(checked, false)).status, "fail");
  assertEquals((await diagnosePort(checked, true)).status, "ok");
  const { advice } = await diagnosePort(checked, undefined);
  assertEquals(advice, "it may be the node of this directory");
  listener.close();
  assertEquals((await diagnosePort(checked, false)).status, "ok");
  assertEquals((await diagnosePort(checked, true)).status, "fail");
});

Deno.test("etcd doctor takes the command line of a node, and checks where it listens", async () => {
  await withDirectory(async (path) => {
    const before = await contents(path);
    const port = freePorts(4);
    const pairs = ["client", "server"].flatMap((prefix) => [
      `-${prefix}Cert=fixtures/ca/server.crt`,
      `-${prefix}Key=fixtures/ca/server.key.insecure`,
      `-${prefix}CAFile=fixtures/ca/ca.crt`,
    ]);
    const args = ["-f", "-vv", "-d", path, "-c", `${port}`, "-s", `${port + 1}`, ...pairs];
    args.push("-metrics", `${port + 2}`, "-grpc", `${port + 3}`, "-cl=::", "-sl=::");
    const findings = await doctor(...args);
    assertEquals(portsIn(findings), [
      `ok client port :::${port}`,
      `ok peer port :::${port + 1}`,
      `ok gRPC port 127.0.0.1:${port + 3}`,
      `ok metrics port 127.0.0.1:${port + 2}`,
    ]);
    assertEquals(findings.filter(({ check }) => check.endsWith(" TLS")).length, 2);
    using _taken = Deno.listen({ hostname: "127.0.0.1", port: port + 2 });
    assertEquals(portsIn(await doctor(...args)).at(-1), `fail metrics port 127.0.0.1:${port + 2}:`);
    assertEquals(await contents(path), before);
  });
});

Deno.test("etcd doctor takes a command line of etcd, and its configuration file", async () => {
  await withDirectory(async (path) => {
    const port = freePorts(3);
    const [client, other, peer] = [0, 1, 2].map((i) => `http://127.0.0.1:${port + i}`);
    const settings = {
      "name": "m1",
      "data-dir": path,
      "listen-client-urls": `${client},${other}`,
      "advertise-client-urls": client,
      "listen-peer-urls": peer,
      "initial-advertise-peer-urls": peer,
      "initial-cluster": `m1=${peer}`,
    };
    const expected = [0, 1, 2].map((i) =>
      `ok ${i < 2 ? "client" : "peer"} port 127.0.0.1:${port + i}`
    );
    const flags = Object.entries(settings).map(([name, text]) => `--${name}=${text}`);
    const findings = await doctor(...flags);
    assertEquals(portsIn(findings), expected);
    assert(findingOf(findings, "data directory").found.includes(path));

    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, JSON.stringify(settings));
    assertEquals(portsIn(await doctor("--config-file", file)), expected);
    await Deno.remove(file);

    // A node that has data does not go by it.
    const stale = [...flags, "--initial-cluster=m2=http://a:1"];
    assertEquals(portsIn(await doctor(...stale)), expected);
    assertEquals((await doctor(...stale)).some(({ check }) => check === "cluster"), false);
    const { status, found } = findingOf(
      await doctor(...stale, `--data-dir=${path}/none`),
      "cluster",
    );
    assertEquals(status, "fail");
    assertStringIncludes(found, '--initial-cluster does not name this node, "m1"');
  });
});

Deno.test("diagnoseClock() warns of a clock behind the data, and of one before this program", () => {
  const now = Date.UTC(2026, 6, 1);
  assertEquals(diagnoseClock(now, now - 1000).status, "ok");
  assertEquals(diagnoseClock(now, now + 60_000).status, "warn");
  assertEquals(diagnoseClock(1000, 0).status, "warn");
});

Deno.test("diagnoseLimits() tells how many files may be open", () => {
  const { check, found } = diagnoseLimits();
  assertEquals(check, "open files");
  assert(found !== "");
  const { openSync } = Deno;
  const statusAt = (limit: number) => {
    let left = limit;
    Deno.openSync = () => {
      if (left-- === 0) throw Object.assign(new Error("none left"), { code: "EMFILE" });
      return { close: () => {} } as Deno.FsFile;
    };
    try {
      return diagnoseLimits().status;
    } finally {
      Deno.openSync = openSync;
    }
  };
  assertEquals([255, 256, 11_999, 12_000].map(statusAt), ["fail", "warn", "warn", "ok"]);
});

Deno.test("diagnoseData() tells the median of a hundred syncs, and what 99 of them did not exceed", async () => {
  await withDirectory(async (path) => {
    const { now } = performance;
    const { syncData } = Deno.FsFile.prototype;
    let syncs = 0;
    let isDone = false;
    // The first takes a millisecond, the hundredth a hundred.
    Deno.FsFile.prototype.syncData = () => {
      syncs++;
      isDone = true;
      return Promise.resolve();
    };
    performance.now = () => {
      const ms = isDone ? syncs : 0;
      isDone = false;
      return ms;
    };
    try {
      const { status, found } = findingOf(
        (await diagnoseData(path, noProgress)).findings,
        "disk sync",
      );
      assertEquals([status, found], ["warn", "p50 50.00 ms, p99 99.00 ms, of 100"]);
    } finally {
      performance.now = now;
      Deno.FsFile.prototype.syncData = syncData;
    }
  });
});

Deno.test("diagnoseCertificates() checks pair, names and expiry", () => {
  const pair = {
    name: "client",
    certFile: "fixtures/ca/server.crt",
    keyFile: "fixtures/ca/server.key.insecure",
    caFile: "fixtures/ca/ca.crt",
    host: "127.0.0.1",
  };
  const now = Date.now();
  const good = diagnoseCertificates(pair, now);
  assertEquals(good.status, "ok", good.found);
  const years = 100 * 365 * 86_400_000;
  const cases = [
    diagnoseCertificates({ ...pair, host: "elsewhere.example" }, now),
    diagnoseCertificates({ ...pair, keyFile: "fixtures/ca/client.key.insecure" }, now),
    diagnoseCertificates(pair, now + years),
    diagnoseCertificates({ ...pair, certFile: "missing.crt" }, now),
  ];
  for (const { status, advice } of cases) assertEquals([status, advice !== ""], ["fail", true]);
  const end = new X509Certificate(Deno.readTextFileSync(pair.certFile)).validToDate.getTime();
  const day = 86_400_000;
  assertEquals(diagnoseCertificates(pair, end - 30 * day - 1).status, "ok");
  assertEquals(diagnoseCertificates(pair, end - 29 * day - 1).status, "warn");
});

Deno.test("diagnoseCertificates() warns of one that is for clients alone, and so does the port", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const now = Date.now();
  const directory = Deno.makeTempDirSync();
  const [certFile, keyFile] = [`${directory}/crt`, `${directory}/key`] as const;
  try {
    const der = issueCertificate({
      ...{ organization: "etcd", commonName: "a", publicKey },
      ...{ validFromMs: now - 1_000, validToMs: now + 100 * 86_400_000 },
      purpose: { kind: "endEntity", usages: ["clientAuth"], names: [{ kind: "dns", text: "a" }] },
    }, { name: undefined, keyIdentifier: keyIdentifierOf(publicKey), privateKey });
    Deno.writeTextFileSync(certFile, toPem(der));
    Deno.writeTextFileSync(keyFile, `${privateKey.export({ type: "pkcs8", format: "pem" })}`);
    const files = { name: "client", certFile, keyFile, caFile: undefined, host: "a" };
    const { status, found } = diagnoseCertificates(files, now);
    assertEquals(status, "warn");
    assertStringIncludes(found, "is not for servers");
    const flags = ["-clientCert", certFile, "-clientKey", keyFile, "-c", "a:4001"];
    const lines: string[] = [];
    const warn = (_: string, fields?: object) => void lines.push(JSON.stringify(fields));
    PortTls.load("client", configOf(flags).client, { ...silentLogger, warn });
    assertEquals(lines.length, 1);
    assertStringIncludes(lines[0]!, "is not for servers");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("findingsTable() has a line for each finding, and one for what to do", () => {
  const table = findingsTable([
    { status: "ok", check: "disk", found: "fast", advice: "" },
    { status: "fail", check: "clock", found: "slow", advice: "set it" },
  ]);
  assertEquals(table, "ok    disk   fast\nfail  clock  slow\n             -> set it\n");
});
