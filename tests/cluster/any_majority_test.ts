/** Any majority of those that `--initial-cluster` names founds the cluster, on real ports and disks. */
import { assert, assertEquals } from "@std/assert";
import {
  FOUNDING_PATH,
  type FoundingAsk,
  parseFoundingAnswer,
} from "../../src/api/peer/founding.ts";
import type { Answer, Ask } from "../../src/founding/types.ts";
import { askAt } from "../shell/flag_node.ts";
import { EtcdMembers } from "./etcd_members.ts";
import { NodeProcess } from "./node_process.ts";
import { until } from "./wait.ts";

const NAMES = ["m1", "m2", "m3"] as const;

Deno.test("two of three found a cluster though the first by name never comes, and it finds its place when it does", async () => {
  await using members = new EtcdMembers(...NAMES);
  await Promise.all([members.start("m3"), members.start("m2")]);
  assertEquals(await members.set("m3", "a", "b"), 201);
  await members.start("m1");
  for (const name of NAMES) await members.knows(name, 3);
  assertEquals(await members.get("m1", "a"), "b");
  assertEquals(await members.clusterOf("m1"), await members.clusterOf("m3"));
});

Deno.test("three of five found a cluster though the first by name never comes", async () => {
  await using members = new EtcdMembers(...NAMES, "m4", "m5");
  await Promise.all(["m2", "m3", "m4"].map((name) => members.start(name)));
  assertEquals(await members.set("m4", "a", "b"), 201);
  const clusters = await Promise.all(["m2", "m3", "m4"].map((name) => members.clusterOf(name)));
  assertEquals(new Set(clusters).size, 1);
});

/** Asks `m3` in the name of `m2`. */
async function askThird(members: EtcdMembers, ask: Ask): Promise<Answer> {
  const from = {
    name: "m2",
    token: "etcd-cluster",
    members: NAMES.map((name) => ({ name, peerUrls: [members.place(name).peerUrl] })),
  };
  const asked: FoundingAsk = { from, to: "m3", ask };
  const { status, text } = await askAt(`${members.place("m3").peerUrl}${FOUNDING_PATH}`, {
    method: "POST",
    body: JSON.stringify(asked),
  });
  assertEquals(status, 200, text);
  return parseFoundingAnswer(text);
}

const BALLOT = { round: 1, proposer: 5 };
const CHOICE = { clusterId: 77, founder: 5, name: "m2" };

/** Makes `m3`, which waits alone, accept that incarnation 5 founds. */
async function accepting(members: EtcdMembers): Promise<void> {
  await members.said("m3", "2 of 3 must be there");
  const promised = await askThird(members, { kind: "prepare", ballot: BALLOT });
  assert(promised.kind === "promised");
  assertEquals(promised.accepted, undefined);
  const accept = { kind: "accept", ballot: BALLOT, choice: CHOICE } as const;
  assertEquals((await askThird(members, { ...accept, to: 6 })).kind, "refused");
  assertEquals((await askThird(members, { ...accept, to: promised.from })).kind, "accepted");
}

/** Starts `m3`, which is to wait; what ends it is told by its log. */
function begin(members: EtcdMembers): Promise<void> {
  return members.start("m3").catch(() => {});
}

Deno.test("a node knows whom it accepted when it starts again, and nobody else founds", async () => {
  await using members = new EtcdMembers(...NAMES);
  begin(members);
  await accepting(members);
  await members.stop("m3");
  const third = begin(members);
  await members.said("m3", "2 of 3 must be there");
  const again = await askThird(members, { kind: "prepare", ballot: { round: 2, proposer: 5 } });
  assertEquals(again.kind === "promised" && again.accepted?.choice, CHOICE);
  const lower = await askThird(members, { kind: "prepare", ballot: BALLOT });
  assertEquals(lower.kind, "refused");
  // The founder's directory is lost: another incarnation has its name.
  const second = members.start("m2").catch(() => {});
  await members.said("m2", '"m2\\" was chosen to found it, and has lost its data directory');
  assertEquals(await members.clusterOf("m2"), undefined);
  await Promise.all([members.stop("m2"), members.stop("m3"), second, third]);
});

Deno.test("a node that was wiped has accepted nobody, and forms a cluster with the others", async () => {
  await using members = new EtcdMembers(...NAMES);
  begin(members);
  await accepting(members);
  await members.wipe("m3");
  await Promise.all([members.start("m2"), members.start("m3")]);
  assertEquals(await members.set("m3", "a", "b"), 201);
  assertEquals(await members.get("m2", "a"), "b");
});

/** The processes of `m2` and `m3`; `m1` never starts. */
class Pair {
  readonly #members: EtcdMembers;
  processes: NodeProcess[] = [];

  constructor(members: EtcdMembers) {
    this.#members = members;
  }

  start(): void {
    const places = NAMES.map((name) => this.#members.place(name));
    this.processes = places.slice(1).map(({ name, directory, clientUrl, peerUrl }) =>
      NodeProcess.spawn([
        ...["--name", name, "--data-dir", directory],
        ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
        ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
        "--initial-cluster",
        places.map((place) => `${place.name}=${place.peerUrl}`).join(),
        ...["--heartbeat-interval", "50", "--election-timeout", "400"],
      ])
    );
  }

  async kill(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
  }
}

Deno.test("two that are killed at every stage of forming a cluster form one when they start again", async () => {
  await using members = new EtcdMembers(...NAMES);
  const pair = new Pair(members);
  const promised = `${members.place("m3").directory}/etcd.identity`;
  const stages: readonly (() => Promise<unknown>)[] = [
    () => until("a promise", () => Deno.stat(promised).then(() => true, () => false)),
    () => pair.processes[0]!.says(/Founded a new cluster/),
    () => pair.processes[1]!.says(/Joined the cluster/),
  ];
  try {
    for (const stage of stages) {
      pair.start();
      // A stage may be passed already: what was told before the kill is not told again.
      await Promise.race([stage(), ...pair.processes.map((process) => process.says(/Serving/))]);
      await pair.kill();
    }
    pair.start();
    for (const process of pair.processes) {
      await process.says(/Serving /);
    }
    assertEquals(await members.set("m3", "a", "b"), 201);
    assertEquals(await members.get("m2", "a"), "b");
    assertEquals(await members.clusterOf("m2"), await members.clusterOf("m3"));
  } finally {
    await pair.kill();
  }
});
