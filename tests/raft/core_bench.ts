/**
 * What the core costs: `deno bench tests/raft/core_bench.ts`. Each run proposes
 * and commits a batch of 64 commands of 128 bytes, disks being done at once.
 */
import { decodeMessage, encodeMessage } from "../../src/raft/codec.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { Append } from "../../src/raft/types.ts";
import { append } from "./lone.ts";
import { configurationOf, Disk, startCore } from "./server.ts";

const BATCH = 64;
const COMMAND = new Uint8Array(128);
const COMPACT_EVERY = 10_000;

const settings = {
  appendBytesMax: 2 ** 20,
  inflightBytesMax: 2 ** 24,
  uncommittedBytesMax: 2 ** 24,
};

function cores(size: number): RaftCore[] {
  const ids = Array.from({ length: size }, (_, at) => at + 1);
  return ids.map((id) => startCore(id, new Disk(configurationOf(ids)), settings));
}

/** Lets all of them talk until nothing is left to say. */
function settle(group: readonly RaftCore[]): void {
  while (group.some((core) => core.hasWork())) {
    for (const core of group) {
      for (const message of core.takeMessages()) group[message.to - 1]!.step(message);
      const batch = core.takeSave();
      if (batch !== undefined) {
        core.saved(batch);
        for (const message of batch.messages) group[message.to - 1]!.step(message);
      }
      core.takeCommitted(2 ** 24);
    }
  }
}

function compact(core: RaftCore): void {
  const index = core.appliedIndex;
  const term = core.termAt(index);
  if (term === undefined || index % COMPACT_EVERY >= BATCH) return;
  core.compact({ index, term, configuration: core.committedConfiguration }, index - COMPACT_EVERY);
}

for (const size of [1, 3, 5]) {
  const group = cores(size);
  group[0]!.campaign();
  settle(group);
  Deno.bench(`${BATCH} commands in a group of ${size}`, () => {
    for (let count = 0; count < BATCH; count++) group[0]!.propose(COMMAND);
    settle(group);
    group.forEach(compact);
  });
}

const message: Append = append(
  1,
  [1, 1],
  Array.from({ length: BATCH }, (_, at) => ({
    index: at + 2,
    term: 1,
    kind: "command",
    data: COMMAND,
  })),
);
const frame = encodeMessage(message);

Deno.bench(`encode an append of ${BATCH} commands`, () => {
  encodeMessage(message);
});

Deno.bench(`decode an append of ${BATCH} commands`, () => {
  decodeMessage(frame);
});
