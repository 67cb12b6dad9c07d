import { assertEquals, assertRejects } from "@std/assert";
import type { Resident } from "../../src/api/peer/join.ts";
import { checkKinship, CopyError, ForeignClusterError } from "../../src/member/kinship.ts";

const NOBODY: Resident = {
  clusterId: undefined,
  memberId: undefined,
  session: undefined,
  problem: undefined,
};

/**
 * Checks the directory of member 0x7 of cluster 0xa; `answers` are those of the addresses
 * of -C by their number, `own` that of the address where the member was reached.
 */
function check(
  answers: readonly (Partial<Resident> | Error)[],
  own: Partial<Resident> | Error = SILENCE,
): Promise<void> {
  return checkKinship({
    clusterId: 0xa,
    memberId: 0x7,
    dataDirectory: "/data",
    addresses: answers.map((_, number) => String(number)),
    ownAddresses: ["own"],
    whoIsAt: (address) => {
      const answer = address === "own" ? own : answers[Number(address)]!;
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve({ ...NOBODY, ...answer });
    },
  });
}

const SILENCE = new Error("Nothing listens");
const OURS = { clusterId: 0xa, memberId: 0x8 };
const FOREIGN = { clusterId: 0xb, memberId: 0x9 };

Deno.test("checkKinship() lets a directory start when nothing speaks against it", async () => {
  for (const answers of [[], [SILENCE], [OURS], [OURS, SILENCE], [{ session: 5 }]]) {
    await check(answers);
  }
  // Another member has its address by now, or another program.
  await check([], OURS);
  await check([], { ...FOREIGN, memberId: 0x7 });
});

Deno.test("checkKinship() lets a directory start when one of its own cluster answers", async () => {
  await check([FOREIGN, OURS]);
});

Deno.test("checkKinship() refuses a foreign directory with both ids and its path", async () => {
  const error = await assertRejects(() => check([SILENCE, FOREIGN]), ForeignClusterError);
  assertEquals(
    error.message,
    'Expected a directory of cluster "800000000000000b", which 1 belongs to, found one of cluster "800000000000000a" at "/data": choose another with -d; if it was recovered from one of theirs, stop those members; else start this one afresh with -f',
  );
});

Deno.test("checkKinship() refuses a copy while its original runs, or starts", async () => {
  for (const own of [{ clusterId: 0xa, memberId: 0x7 }, { memberId: 0x7, session: 5 }]) {
    const error = await assertRejects(() => check([], own), CopyError);
    assertEquals(
      error.message,
      'Expected the member of "/data" (8000000000000007) not to run yet, found it at own: this directory is a copy of its own, let a new node join with -C and another -d instead',
    );
    await assertRejects(() => check([OURS, own]), CopyError, "found it at 1");
  }
});
