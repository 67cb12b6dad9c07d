/** What a node does that knows no leader: it looks for its members, and says why nobody calls. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Resident } from "../../src/api/peer/join.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { MemberSearch, type SearchOptions } from "../../src/member/search.ts";

const CLUSTER = 0xa;

/** A member of the cluster that knows of no problem. */
function member(memberId: number, changed: Partial<Resident> = {}): Resident {
  return { clusterId: CLUSTER, memberId, session: memberId, problem: undefined, ...changed };
}

class World {
  nowMs = 0;
  readonly found: string[] = [];
  readonly warnings: string[] = [];
  readonly asked: string[] = [];
  readonly search: MemberSearch;

  constructor(residents: Record<string, Resident>, changed: Partial<SearchOptions> = {}) {
    this.search = new MemberSearch({
      self: 1,
      clusterId: CLUSTER,
      session: 1,
      url: "http://self:7001",
      scheme: "http",
      addresses: ["a:1", "b:1"],
      recorded: () => ["old:1"],
      isLeaderKnown: () => false,
      isHeard: () => false,
      found: ({ id, url }) => this.found.push(`${id} ${url}`),
      clock: { monotonicMs: () => this.nowMs, wallMs: () => 0 },
      logger: {
        ...silentLogger,
        warn: (message, fields) => this.warnings.push(`${message} ${JSON.stringify(fields)}`),
      },
      silenceMs: 5_000,
      reportMs: 60_000,
      ...changed,
      whoIsAt: (address) => {
        this.asked.push(address);
        const resident = residents[address];
        return resident === undefined
          ? Promise.reject(new Error(`Nothing listens at "${address}"`))
          : Promise.resolve(resident);
      },
    });
  }

  async lookAt(...seconds: readonly number[]): Promise<void> {
    for (const second of seconds) {
      this.nowMs = second * 1000;
      await this.search.look();
    }
  }
}

Deno.test("look() finds the members of its cluster at the addresses of -C", async () => {
  const world = new World({ "a:1": member(2), "b:1": member(3, { clusterId: 0xb }) });
  await world.lookAt(1);
  assertEquals(world.found, ["2 http://a:1"]);
});

Deno.test("look() takes neither itself nor a node that is no member yet for one", async () => {
  const starting = member(2, { clusterId: undefined });
  const world = new World({ "a:1": member(1), "b:1": starting });
  await world.lookAt(1);
  assertEquals(world.found, []);
});

Deno.test("look() asks nobody while there is a leader", async () => {
  const world = new World({ "a:1": member(2) }, { isLeaderKnown: () => true });
  await world.lookAt(1, 10, 100);
  assertEquals([world.asked, world.warnings], [[], []]);
});

Deno.test("look() says after seconds without a call why nobody calls, once a minute", async () => {
  const problem = 'The certificate of "self:7001" is for other hosts';
  const world = new World({ "a:1": member(2, { problem }), "b:1": member(1) });
  await world.lookAt(1, 4);
  assertEquals(world.warnings, []);
  await world.lookAt(5, 6, 30);
  assertEquals(world.warnings.length, 1);
  for (const text of ["http://self:7001", "a:1: The certificate of", "b:1: This node itself"]) {
    assertStringIncludes(world.warnings[0]!, text);
  }
  assertStringIncludes(world.warnings[0]!, 'old:1: Nothing listens at \\"old:1\\"');
  await world.lookAt(70);
  assertEquals(world.warnings.length, 2);
});

Deno.test("look() says nothing of silence while somebody is heard", async () => {
  const world = new World({ "a:1": member(2) }, { isHeard: () => true });
  await world.lookAt(1, 10, 100);
  assertEquals(world.warnings, []);
  assertEquals(world.found.length, 3);
});
