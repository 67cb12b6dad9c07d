/** What is done to the nodes. Each fault ends by itself, with its victims running again. */
import type { TestNode } from "../cluster/test_node.ts";
import { pause, until, within } from "../cluster/wait.ts";
import type { SeededRandom } from "../sim/random.ts";
import type { Arena } from "./arena.ts";
import { BULK, type ChaosLoad } from "./load.ts";
import type { Stillness } from "./stillness.ts";
import type { ChaosUsers } from "./users.ts";

export interface Stage {
  readonly arena: Arena;
  readonly load: ChaosLoad;
  readonly random: SeededRandom;
  readonly print: (line: string) => void;
  /** What a fault brought about, counted. */
  readonly seen: (what: string) => void;
  readonly stillness: Stillness;
  readonly authority: ChaosUsers;
  /** Milliseconds from the death of a leader to the next acknowledged write. */
  readonly failovers: number[];
}

export interface Fault {
  readonly name: string;
  /** How often it comes while each of the others comes as often as it says. */
  readonly share: number;
  /** May go on beside any other. */
  readonly isLight?: boolean;
  /** False when the machine can't do it. */
  readonly isPossible?: (arena: Arena) => boolean;
  readonly run: (stage: Stage) => Promise<void>;
}

const isLoaded = ({ preload }: Arena) => preload !== undefined;

/** So many large writes make a log go on to its next segment, for which there is no space. */
const FULL_DISK_WRITES = 60;

/** An hour either way. */
const CLOCK_JUMP_S = 3600;

export const FAULTS: readonly Fault[] = [
  { name: "kill -9 of any", share: 2, run: killAny },
  { name: "kill -9 of the leader", share: 4, run: killLeader },
  { name: "kill -9 of all", share: 1, run: killAll },
  { name: "SIGSTOP, 1 to 15 s", share: 1, isLight: true, run: stopAny },
  { name: "SIGSTOP of the leader", share: 1, run: stopLeader },
  { name: "partition", share: 3, run: partition },
  { name: "one-way cut", share: 1, run: cutOneWay },
  { name: "delayed links", share: 1, isLight: true, run: delay },
  {
    name: "full disk",
    share: 1,
    isPossible: ({ smallDisks }) => smallDisks.size > 0,
    run: fillDisk,
  },
  { name: "failed sync", share: 1, isPossible: isLoaded, run: failSync },
  { name: "slow syncs", share: 1, isLight: true, isPossible: isLoaded, run: slowSync },
  { name: "bit flips", share: 2, run: flipBits },
  { name: "clock jump", share: 1, isLight: true, isPossible: isLoaded, run: jump },
  { name: "member removed and added", share: 2, run: replace },
  { name: "users and roles change", share: 4, isLight: true, run: changeUsers },
];

/** Any node that is awake, or none. */
function anyNode({ arena, random }: Stage): TestNode | undefined {
  const { awake } = arena.cluster;
  return awake.length === 0 ? undefined : random.pick(awake);
}

function seconds({ random }: Stage, low: number, high: number): Promise<void> {
  return pause(random.between(low, high) * 1000);
}

/** Waits until all nodes run and know each other again. */
async function untilWhole({ arena: { cluster } }: Stage): Promise<void> {
  await Promise.all(
    cluster.nodes.map((node) =>
      until(
        `"${node.name}" to be healthy and to know all members`,
        async () => node.isRunning && await cluster.isPart(node),
      )
    ),
  );
}

async function killAny(stage: Stage): Promise<void> {
  const { arena, random } = stage;
  const victims = random.chance(0.3) ? 2 : 1;
  for (let i = 0; i < victims; i++) {
    const node = anyNode(stage);
    if (node !== undefined) await arena.kill(node);
  }
  await seconds(stage, 0, 4);
  await Promise.all(arena.cluster.nodes.map((node) => arena.restart(node)));
}

async function killLeader(stage: Stage): Promise<void> {
  const { arena, load, failovers, stillness } = stage;
  await untilWhole(stage);
  const leader = await arena.cluster.leader();
  await arena.kill(leader);
  const startMs = performance.now();
  const tookMs = await within("a write without that leader", load.nextAcknowledged());
  failovers.push(tookMs - stillness.since(startMs));
  await seconds(stage, 0, 3);
  await arena.restart(leader);
  await untilWhole(stage);
}

async function killAll(stage: Stage): Promise<void> {
  const { arena } = stage;
  await Promise.all(arena.cluster.running.map((node) => arena.kill(node)));
  await seconds(stage, 0, 1);
  await Promise.all(arena.cluster.nodes.map((node) => arena.restart(node)));
  await untilWhole(stage);
}

async function stopAny(stage: Stage): Promise<void> {
  const node = anyNode(stage);
  if (node !== undefined) await stop(stage, node);
}

async function stopLeader(stage: Stage): Promise<void> {
  await stop(stage, await stage.arena.cluster.leader());
}

async function stop(stage: Stage, node: TestNode): Promise<void> {
  node.pause();
  await seconds(stage, 1, stage.random.chance(0.5) ? 4 : 15);
  if (node.isRunning) node.resume();
}

/** Two parts that can't talk; now and then a third one. */
async function partition(stage: Stage): Promise<void> {
  const { arena: { cluster }, random } = stage;
  const parts = random.chance(0.2) ? 3 : 2;
  const side = new Map(cluster.nodes.map(({ name }) => [name, random.integer(1, parts)]));
  for (const [from, here] of side) {
    for (const [to, there] of side) if (here !== there) cluster.network!.cut(from, to);
  }
  await seconds(stage, 2, 10);
  cluster.network!.heal();
}

/** One node is heard by nobody, or hears nobody. */
async function cutOneWay(stage: Stage): Promise<void> {
  const { arena: { cluster }, random } = stage;
  const node = random.chance(0.5) ? await cluster.leader() : anyNode(stage);
  if (node === undefined) return;
  const isHeard = random.chance(0.5);
  for (const { name } of cluster.nodes) {
    if (name === node.name) continue;
    if (isHeard) cluster.network!.cut(name, node.name);
    else cluster.network!.cut(node.name, name);
  }
  await seconds(stage, 2, 8);
  cluster.network!.heal();
}

async function delay(stage: Stage): Promise<void> {
  const { arena: { cluster }, random } = stage;
  for (const { name: from } of cluster.nodes) {
    for (const { name: to } of cluster.nodes) {
      if (from !== to && random.chance(0.4)) {
        cluster.network!.delay(from, to, random.skewed(5, 300));
      }
    }
  }
  await seconds(stage, 3, 8);
  cluster.network!.calm();
}

/** No byte is left; the node serves on and writes again when there is room. */
async function fillDisk(stage: Stage): Promise<void> {
  const { arena, random, seen } = stage;
  const [node, disk] = random.pick([...arena.smallDisks]);
  await disk.fill();
  const { length } = node.wholeLog;
  const isMet = () => /No space/.test(node.wholeLog.slice(length));
  const filling = Array.from(
    { length: FULL_DISK_WRITES },
    (_, i) => `${crypto.randomUUID()}-${i}X`,
  );
  for (const value of filling) {
    if (isMet()) break;
    const asked = anyNode(stage);
    if (asked === undefined) await seconds(stage, 0, 1);
    else await stage.load.ask("filler", asked, { key: BULK, kind: "set", value });
  }
  await seconds(stage, 2, 6);
  if (isMet()) seen("full disks that a node met");
  await disk.clear();
  await untilWhole(stage);
}

/** A node whose sync failed ends at once; what it has on disk is good again. */
async function failSync(stage: Stage): Promise<void> {
  const { arena, seen } = stage;
  const node = anyNode(stage);
  if (node === undefined) return;
  arena.doom(node);
  await until(`"${node.name}" to end by its failed sync`, () => {
    // Again and again: a light fault beside this one may end its own on the same node.
    arena.spoil(node, { syncFails: true });
    return node.process.hasEnded;
  });
  if (/Sync of .* failed/.test(node.process.log)) seen("ends by a failed sync");
  arena.spoil(node, {});
  await seconds(stage, 0, 2);
  await arena.restart(node);
  await untilWhole(stage);
}

async function slowSync(stage: Stage): Promise<void> {
  const { arena, random } = stage;
  const node = anyNode(stage);
  if (node === undefined) return;
  arena.spoil(node, { syncDelayMs: random.skewed(20, 2_000) });
  await seconds(stage, 2, 8);
  arena.spoil(node, {});
}

/** Some bits of what a node has on disk turn while it is down: it must notice, or not need them. */
async function flipBits(stage: Stage): Promise<void> {
  const { arena, random, seen, print } = stage;
  await untilWhole(stage);
  const node = anyNode(stage);
  if (node === undefined) return;
  await arena.kill(node);
  const flips = random.skewed(1, 16);
  for (let i = 0; i < flips; i++) await flipBit(node.directory, random);
  if (await arena.revive(node)) {
    seen("turned bits that nobody needs");
  } else {
    seen("turned bits refused");
    const [reason = ""] = /ERROR .*/.exec(node.process.log.split("\n").slice(-8).join("\n")) ?? [];
    print(`"${node.name}" refuses: ${reason.slice(0, 300)}`);
    await arena.startAnew(node);
  }
  await untilWhole(stage);
}

/** One bit in a part of a log or snapshot that has been written. */
async function flipBit(directory: string, random: SeededRandom): Promise<void> {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name)
    .filter((name) => /\.(log|snap)$/.test(name)).toSorted();
  if (names.length === 0) return;
  const path = `${directory}/${random.pick(names)}`;
  const bytes = await Deno.readFile(path);
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  if (used === 0) return;
  const place = random.integer(0, used - 1);
  bytes[place]! ^= 1 << random.integer(0, 7);
  await Deno.writeFile(path, bytes);
}

async function jump(stage: Stage): Promise<void> {
  const { arena, random } = stage;
  const node = anyNode(stage);
  if (node === undefined) return;
  arena.spoil(node, { clockOffsetS: random.integer(-CLOCK_JUMP_S, CLOCK_JUMP_S) });
  await seconds(stage, 2, 8);
  arena.spoil(node, {});
}

async function changeUsers({ authority, random }: Stage): Promise<void> {
  await authority.change(random);
}

/** A member leaves for good, and another one comes under its name. */
async function replace(stage: Stage): Promise<void> {
  const { arena, seen } = stage;
  const { cluster } = arena;
  await untilWhole(stage);
  const node = anyNode(stage);
  if (node === undefined) return;
  const asked = anyNode(stage)!;
  arena.doom(node);
  const { status, body } = await cluster.client.ask(
    `${asked.url}/v1/machines/${node.name}`,
    { method: "DELETE" },
  );
  if (status !== 200) stage.print(`removal of "${node.name}": ${status} ${body}`);
  else {
    seen("members removed");
    await until(`"${node.name}" to end, removed`, () => node.process.hasEnded);
  }
  await arena.startAnew(node);
  await untilWhole(stage);
}
