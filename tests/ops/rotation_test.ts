/** Certificates that change under a running cluster: nobody who has good ones may notice. */
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { etcd } from "../cli/harness.ts";
import { fixture } from "../cluster/client.ts";
import type { TestCluster } from "../cluster/harness.ts";
import { type Stage, story } from "../cluster/story.ts";
import type { TestNode } from "../cluster/test_node.ts";
import { pause, until } from "../cluster/wait.ts";

const DIRECTORY = Deno.makeTempDirSync({ prefix: "etcd-rotation-" });
const IN_USE = ["client", "server"].flatMap((port) => [
  ...[`-${port}Cert`, `${DIRECTORY}/in-use.crt`],
  ...[`-${port}Key`, `${DIRECTORY}/in-use.key`],
  ...[`-${port}CAFile`, `${DIRECTORY}/ca.crt`],
]);

story(
  "node() takes new certificates and a new authority without a failed request",
  { size: 3, tls: true, flags: IN_USE },
  rotates,
);

/** What a client shows, and whom it trusts. */
interface Identity {
  readonly cert: string;
  readonly key: string;
}

function read(path: string): string {
  return Deno.readTextFileSync(path);
}

/** As careful operators do it: beside, and renamed. */
function replace(name: string, text: string): void {
  Deno.writeTextFileSync(`${DIRECTORY}/${name}.new`, text, { mode: 0o600 });
  Deno.renameSync(`${DIRECTORY}/${name}.new`, `${DIRECTORY}/${name}`);
}

async function makeNewAuthority(): Promise<void> {
  const { status, err } = await etcd(["certs", "init", "--out", `${DIRECTORY}/new`]);
  assertEquals([status, err], [0, ""]);
}

async function rotates(cluster: TestCluster, stage: Stage): Promise<void> {
  cluster.atEnd(() => Deno.remove(DIRECTORY, { recursive: true }));
  await makeNewAuthority();
  const old = { cert: read(fixture("client.crt")), key: read(fixture("client.key.insecure")) };
  const fresh = {
    cert: read(`${DIRECTORY}/new/client.crt`),
    key: read(`${DIRECTORY}/new/client.key`),
  };
  const authorities = { old: read(fixture("ca.crt")), fresh: read(`${DIRECTORY}/new/ca.crt`) };
  replace("in-use.crt", read(fixture("server.crt")));
  replace("in-use.key", read(fixture("server.key.insecure")));
  replace("ca.crt", authorities.old);
  await cluster.start();
  const [restarting] = await cluster.followers();
  const lasting = cluster.nodes.filter((node) => node !== restarting);
  const load = new RotationLoad(lasting, Object.values(authorities), old);

  await stage("trusts both authorities at a SIGHUP", async () => {
    replace("ca.crt", authorities.old + authorities.fresh);
    for (const { process } of cluster.nodes) process.signal("SIGHUP");
    await untilAllUse(cluster, 1);
    load.identity = fresh;
    await load.progress();
  });
  await stage("shows new pairs when the files change", async () => {
    replace("in-use.crt", read(`${DIRECTORY}/new/server.crt`));
    replace("in-use.key", read(`${DIRECTORY}/new/server.key`));
    await untilAllUse(cluster, 2);
    const issuer = new X509Certificate(authorities.fresh).subject;
    for (const node of cluster.nodes) assertEquals((await shown(node, fresh)).issuer, issuer);
    await load.progress();
  });
  await stage("keeps what works when a new file is none, and says so once", async () => {
    replace("in-use.key", "no key at all\n");
    const complaint = /ERROR .*can't be used, the old ones stay in use port=client cause=.*key/g;
    await until(
      "every node to complain",
      () => cluster.nodes.every(({ process }) => process.log.match(complaint)?.length === 1),
    );
    await load.progress();
    replace("in-use.key", read(`${DIRECTORY}/new/server.key`));
    await until(
      "every node to be content",
      () =>
        cluster.nodes.every(({ process }) => /are the same as before port=peer/.test(process.log)),
    );
    assert(cluster.nodes.every(({ process }) => process.log.match(complaint)?.length === 1));
  });
  await stage("turns clients of the old authority away, and no connection", async () => {
    replace("ca.crt", authorities.fresh);
    await untilAllUse(cluster, 3);
    for (const node of cluster.nodes) {
      await assertRejects(() => askOnce(node, old, authorities.fresh));
    }
    await load.progress();
  });
  await stage("dials a member that trusts the new authority only", async () => {
    await restarting!.stop();
    await restarting!.spawn().says(/ Serving /);
    await until("the restarted member to be healthy", async () => {
      return await askOnce(restarting!, fresh, authorities.fresh) === 200;
    });
  });
  const { requests, failures } = await load.stop();
  assertEquals(failures, []);
  assertGreater(requests, 100);
}

/** Waits until both ports of all nodes have taken the `count`th new files. */
async function untilAllUse(cluster: TestCluster, count: number): Promise<void> {
  for (const port of ["client", "peer"]) {
    const line = new RegExp(`New certificates are in use, connections go on port=${port}`, "g");
    await until(
      `every ${port} port to have changed ${count} times`,
      () => cluster.nodes.every(({ process }) => (process.log.match(line)?.length ?? 0) >= count),
    );
  }
}

/** The certificate that `node` shows on a new connection. */
function shown(node: TestNode, identity: Identity): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const address = { host: "127.0.0.1", port: node.clientPort, rejectUnauthorized: false };
    const socket = connect({ ...address, ...identity }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

/** The status of a linearizable read on a connection of its own. */
async function askOnce(node: TestNode, identity: Identity, authority: string): Promise<number> {
  using client = Deno.createHttpClient({ caCerts: [authority], ...identity });
  const response = await fetch(`${node.url}/health`, { client });
  await response.body?.cancel();
  return response.status;
}

/** Writes all the time: over connections that were opened at the start, and over ever new ones. */
class RotationLoad {
  requests = 0;
  readonly #failures: string[] = [];
  readonly #lasting: Deno.HttpClient[];
  readonly #workers: Promise<void>[];
  readonly #authorities: string[];
  /** For new connections. */
  identity: Identity;
  #isStopping = false;

  constructor(nodes: readonly TestNode[], authorities: string[], identity: Identity) {
    this.identity = identity;
    this.#authorities = authorities;
    // A connection a client: one at a time, and it never idles.
    this.#lasting = nodes.map(() => this.#client(identity));
    this.#workers = nodes.flatMap((node, index) => [
      this.#work(node, `kept ${index}`, () => this.#lasting[index]!, () => {}),
      this.#work(node, `new ${index}`, () => this.#client(this.identity), (one) => one.close()),
    ]);
  }

  /** Resolves when some more requests have been answered. */
  async progress(): Promise<void> {
    const enough = this.requests + 20;
    await until("requests to be answered", () => this.requests >= enough);
  }

  async stop(): Promise<{ requests: number; failures: string[] }> {
    this.#isStopping = true;
    await Promise.all(this.#workers);
    for (const client of this.#lasting) client.close();
    return { requests: this.requests, failures: this.#failures };
  }

  #client(identity: Identity): Deno.HttpClient {
    const limits = { poolMaxIdlePerHost: 1, poolIdleTimeout: 60_000 };
    return Deno.createHttpClient({ caCerts: this.#authorities, ...identity, ...limits });
  }

  async #work(
    node: TestNode,
    name: string,
    open: () => Deno.HttpClient,
    close: (client: Deno.HttpClient) => void,
  ): Promise<void> {
    for (let i = 0; !this.#isStopping; i++) {
      const client = open();
      const key = name.replace(" ", "/");
      try {
        const body = new URLSearchParams({ value: `${i}` });
        const response = await fetch(`${node.url}/v1/keys/${key}`, { method: "PUT", body, client });
        const text = await response.text();
        // An election, which a busy machine may bring about, is no matter of certificates.
        const isElection = response.status === 500 && /"errorCode":30[01]\b/.test(text);
        if (response.status !== 200 && !isElection) {
          this.#failures.push(`${name}: ${response.status} ${text}`);
        }
      } catch (error) {
        this.#failures.push(`${name}: ${error}, ${(error as Error).cause ?? ""}`);
      } finally {
        close(client);
      }
      this.requests++;
      await pause(5);
    }
  }
}
