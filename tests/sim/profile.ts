/**
 * What one seed is about: sizes, speeds and the faults that it draws from, after
 * swarm testing (Groce and others, 2012): each seed leaves out some faults
 * altogether, because those that happen all the time hide what others bring out.
 */
import type { NodeLimits } from "../../src/node/options.ts";
import { SeededRandom } from "./random.ts";

/** Everything that may go wrong beside single frames and syncs. */
export type FaultKind =
  /** The power goes: unsynced bytes are there or not. */
  | "powerCut"
  /** The power goes in the middle of a turn, at one of the next disk operations. */
  | "powerCutInTurn"
  /** `kill -9`: the page cache stays. */
  | "kill"
  /** All machines lose power at once. */
  | "powerCutOfAll"
  /** SIGSTOP and SIGCONT. */
  | "pause"
  /** SIGTERM: hands over and stops in order. */
  | "stop"
  /** Two groups that do not hear each other. */
  | "partition"
  /** One machine that nobody hears, or that hears nobody, or both. */
  | "isolate"
  /** Two groups, and one machine that hears both. */
  | "bridge"
  /** Frames between two machines take far longer for a while. */
  | "slowLink"
  /** All that is under way between two machines is lost, as when a connection breaks. */
  | "breakLink"
  /** The wall clock of a machine jumps by up to an hour. */
  | "clockJump"
  /** A member is removed by name. */
  | "remove"
  /** A machine joins. */
  | "add"
  | "changeById"
  /** A machine gets an empty disk and joins again under its name. */
  | "wipe"
  /** A machine comes back under another address. */
  | "move"
  /** A disk works on nothing for up to ten seconds or more. */
  | "diskStall"
  /** An operation of a disk fails. */
  | "diskError"
  /** A disk fills up, and has space again later. */
  | "diskFull"
  /** A bit of a file that is at rest turns. */
  | "bitFlip";

export interface Profile {
  /** Steps before everything is healed. */
  readonly steps: number;
  /** Machines at the start. */
  readonly machines: number;
  /** Founded as one cluster with all as voters; else they join one after the other. */
  readonly foundedWhole: boolean;
  readonly tickMs: number;
  /** Ticks made up for at once after a pause. */
  readonly catchUpTicks: number;
  readonly limits: NodeLimits;
  readonly historyMax: number;
  readonly core: {
    readonly appendBytesMax: number;
    readonly inflightMax: number;
    readonly unpackedEntries: number;
    readonly inflightBytesMax: number;
    readonly uncommittedBytesMax: number;
  };
  readonly storage: {
    readonly segmentBytes: number;
    readonly spareSegmentsMax: number;
    readonly sliceBytes: number;
    readonly bulkSyncBytes: number;
  };
  readonly network: NetworkProfile;
  readonly disk: {
    readonly syncMs: number;
    /** Chance of a sync to take fifty times as long. */
    readonly slowChance: number;
  };
  readonly clock: {
    /** Of the wall clock at the start, either way. */
    readonly skewMs: number;
    /** Of the speed of the monotonic clock, either way. */
    readonly drift: number;
  };
  readonly clients: number;
  /** Average pause of a client between two operations. */
  readonly thinkMs: number;
  /** Characters of some values; the others are short. */
  readonly longValue: number;
  /** Keys that clients use: few, so that they meet. */
  readonly keys: number;
  readonly watchers: number;
  /** Which faults happen, and how often in relation to each other. */
  readonly faults: readonly (readonly [FaultKind, number])[];
  /** Average time between two faults. */
  readonly faultMs: number;
  /** Chance of a fault that concerns one machine to hit the leader's. */
  readonly leaderChance: number;
  /** Machines go down, pause or are cut off only while a majority is left. */
  readonly sparesMajority: boolean;
  /** There are users and roles, they change, and whoever asks says who that is. */
  readonly hasUsers: boolean;
}

export interface NetworkProfile {
  readonly delayMs: number;
  readonly dropChance: number;
  readonly repeatChance: number;
  /** Frames may overtake each other. */
  readonly reorders: boolean;
}

const FAULTS: readonly (readonly [FaultKind, number])[] = [
  ["powerCut", 4],
  ["powerCutInTurn", 4],
  ["kill", 3],
  ["powerCutOfAll", 0.5],
  ["pause", 2],
  ["stop", 2],
  ["partition", 3],
  ["isolate", 3],
  ["bridge", 2],
  ["slowLink", 2],
  ["breakLink", 2],
  ["clockJump", 1],
  ["remove", 2],
  ["add", 2],
  ["changeById", 3],
  ["wipe", 2],
  ["move", 1],
  ["diskStall", 1],
  ["diskError", 1],
  ["diskFull", 1],
  ["bitFlip", 1],
];

/** The profile of `seed`. */
export function profileOf(seed: number): Profile {
  const random = new SeededRandom(seed, 1);
  const electionTicks = random.pick([4, 5, 6, 10]);
  const tickMs = random.pick([10, 10, 50]);
  const electionMs = electionTicks * tickMs;
  const machines = random.pick([1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 7, 9]);
  const isLossy = random.chance(0.5);
  const chosen = random.next();
  const faults = FAULTS.filter(() => random.chance(chosen));
  return {
    steps: random.pick([500, 1000, 2000, 4000, 4000, 8000]),
    machines,
    foundedWhole: random.chance(0.7),
    tickMs,
    catchUpTicks: random.pick([1, 3, 10]),
    limits: nodeLimits(random, electionTicks),
    historyMax: random.pick([0, 3, 20, 1000, 1000]),
    core: {
      appendBytesMax: random.pick([1, 200, 2000, 100_000]),
      inflightMax: random.pick([1, 2, 8, 64]),
      unpackedEntries: seed % 3 === 0 ? 256 : seed % 3,
      inflightBytesMax: random.pick([500, 5000, 1_000_000]),
      uncommittedBytesMax: random.pick([1000, 100_000, 100_000]),
    },
    storage: {
      segmentBytes: random.pick([2048, 4096, 4096, 16_384]),
      spareSegmentsMax: random.integer(0, 3),
      sliceBytes: random.pick([512, 1024, 4096]),
      bulkSyncBytes: random.pick([1024, 8192]),
    },
    network: {
      delayMs: random.pick([0.2, tickMs / 10, tickMs / 3, electionMs / 10]),
      dropChance: isLossy ? random.between(0, 0.15) : 0,
      repeatChance: isLossy ? random.between(0, 0.1) : 0,
      reorders: random.chance(0.3),
    },
    disk: {
      syncMs: random.pick([0.2, tickMs / 10, tickMs / 3, tickMs]),
      slowChance: random.pick([0, 0, 0.01]),
    },
    clock: {
      skewMs: random.pick([0, 1000, 3_600_000]),
      drift: random.pick([0, 0.01, 0.05]),
    },
    clients: random.integer(1, 6),
    thinkMs: random.pick([0.3, 2, 5]) * tickMs,
    longValue: random.pick([0, 300, 3000]),
    keys: random.integer(1, 8),
    watchers: random.pick([0, 1, 2, 4]),
    faults,
    faultMs: electionMs * random.pick([0.5, 1, 2, 5]),
    leaderChance: random.pick([0, 0.4, 0.8]),
    sparesMajority: random.chance(0.8),
    // Last, so that seeds without users go the way they went before there were any.
    hasUsers: random.chance(0.25),
  };
}

function nodeLimits(random: SeededRandom, electionTicks: number): NodeLimits {
  return {
    requestTicks: electionTicks * random.integer(2, 5),
    heartbeatTicks: random.integer(1, electionTicks / 2 - 1),
    electionTicks,
    waitingMax: random.pick([3, 100, 100, 100]),
    expiryBatchMax: random.pick([1, 3, 100]),
    membersMax: 9,
    learnersMax: 2,
    isMembershipStrict: true,
    applyBytesMax: random.pick([1, 300, 100_000]),
    snapshotEntries: random.pick([0, 2, 5, 10, 30, 100]),
    snapshotLogBytesMax: 5_000,
    quietTicks: 2 * electionTicks,
    quietLogBytesMin: 300,
    trailingEntries: random.pick([0, 0, 2, 10, 50]),
    trailingBytesMax: random.pick([0, 500, 1_000_000]),
    diskRetryTicks: random.integer(1, electionTicks),
    snapshotChunkBytes: random.pick([64, 300, 4000]),
    snapshotWindowChunks: random.integer(1, 4),
    snapshotStallTicks: random.integer(2, 2 * electionTicks),
    snapshotStallsMax: random.integer(1, 5),
    snapshotBytesMax: 1_000_000,
    comparisonTicks: 3 * electionTicks,
    firstComparisonTicks: electionTicks,
    comparisonWaitTicks: 2 * electionTicks,
  };
}
