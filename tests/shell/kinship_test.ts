import { assertEquals, assertRejects } from "@std/assert";
import { checkKinship, ForeignClusterError } from "../../src/member/kinship.ts";

/** Checks a directory of cluster 0xa; `answers` are those of the addresses by their number. */
function check(...answers: (number | Error)[]): Promise<void> {
  return checkKinship({
    clusterId: 0xa,
    dataDirectory: "/data",
    addresses: answers.map((_, number) => String(number)),
    askClusterId: (address) => {
      const answer = answers[Number(address)]!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
}

const SILENCE = new Error("Nothing listens");

Deno.test("checkKinship() lets a directory start when nothing speaks against it", async () => {
  for (const answers of [[], [SILENCE], [0xa], [0xa, SILENCE]]) await check(...answers);
});

Deno.test("checkKinship() lets a directory start when one of its own cluster answers", async () => {
  await check(0xb, 0xa);
});

Deno.test("checkKinship() refuses a foreign directory with both ids and its path", async () => {
  const error = await assertRejects(() => check(SILENCE, 0xb), ForeignClusterError);
  assertEquals(
    error.message,
    'Expected a directory of cluster "b", which 1 belongs to, found one of cluster "a" at "/data": choose another with -d, or start this one afresh with -f',
  );
});
