/** Both checkers: content with what an atomic store answers, and each finds every planted fault. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { SeededRandom } from "../sim/random.ts";
import { isLinearizable } from "./brute_force.ts";
import { checkByIndex, type WatchedEvent } from "./by_index.ts";
import { checkBySearch } from "./by_search.ts";
import { History, type Operation, type Outcome } from "./history.ts";
import { FAULTS, simulateClients } from "./simulated_clients.ts";

const CHECKERS = {
  checkByIndex: (operations: readonly Operation[]) => checkByIndex(operations),
  checkBySearch,
};

type Asked = Partial<Omit<Operation, "call" | "end" | "outcome">>;

/** Operations on one key, one after the other. */
function inTurn(...steps: readonly (readonly [Asked, Outcome])[]): readonly Operation[] {
  const history = new History();
  for (const [asked, outcome] of steps) {
    const call = history.tick();
    history.add({ client: "c", key: "/a", kind: "set", ...asked, call }, outcome);
  }
  return history.operations;
}

const UNKNOWN: Outcome = { type: "unknown" };
const ok = (found: string | undefined, index: number): Outcome => ({ type: "ok", found, index });
const rejected = (found?: string): Outcome => ({ type: "rejected", found });
const set = (value: string): Asked => ({ value });
const READ: Asked = { kind: "read" };
const REMOVE: Asked = { kind: "remove" };

for (const [name, check] of Object.entries(CHECKERS)) {
  Deno.test(`${name}() is content with an atomic store, whatever gets lost`, () => {
    for (let seed = 1; seed <= 60; seed++) {
      const lost = seed % 3 * 0.05;
      const { operations } = simulateClients({ seed, operations: 400, keys: 3, clients: 8, lost });
      assertEquals(check(operations), [], `seed ${seed}`);
    }
  });

  Deno.test(`${name}() is content when all clients meet at one key`, () => {
    const { operations } = simulateClients({
      seed: 1,
      operations: 5_000,
      keys: 1,
      clients: 64,
      lost: 0.1,
    });
    assertEquals(check(operations), []);
  });

  for (const fault of FAULTS) {
    Deno.test(`${name}() finds a planted ${fault}`, () => {
      for (let seed = 1; seed <= 20; seed++) {
        const options = { seed, operations: 400, keys: 2, clients: 6, lost: 0, fault };
        const { operations, planted } = simulateClients(options);
        assert(planted);
        assertNotEquals(check(operations), [], `seed ${seed}`);
      }
    });
  }

  Deno.test(`${name}() finds one stale read among a hundred thousand operations`, () => {
    const { operations } = simulateClients({
      seed: 5,
      operations: 100_000,
      keys: 100,
      clients: 32,
      lost: 0.02,
      fault: "stale read",
    });
    assertNotEquals(check(operations), []);
  });

  Deno.test(`${name}() lets a lost write take effect late, once`, () => {
    const late = [
      [set("x"), ok(undefined, 1)],
      [set("y"), UNKNOWN],
      [READ, ok("x", 1)],
      [READ, ok("y", 5)],
      [set("z"), ok("y", 6)],
    ] as const;
    assertEquals(check(inTurn(...late)), []);
    assertNotEquals(check(inTurn(...late, [READ, ok("y", 7)])), []);
  });

  Deno.test(`${name}() lets a lost delete explain one absence, and no more`, () => {
    const gone = [
      [set("x"), ok(undefined, 1)],
      [REMOVE, UNKNOWN],
      [READ, rejected()],
      [set("y"), ok(undefined, 4)],
    ] as const;
    assertEquals(check(inTurn(...gone)), []);
    assertNotEquals(check(inTurn(...gone, [set("z"), ok(undefined, 6)])), []);
  });

  Deno.test(`${name}() finds the effect of a write that was refused`, () => {
    const refused = [set("x"), { type: "refused" }] as const;
    assertEquals(check(inTurn(refused, [READ, rejected()])), []);
    assertNotEquals(check(inTurn(refused, [READ, ok("x", 3)])), []);
  });

  Deno.test(`${name}() lets a key with a TTL go, and not come back`, () => {
    const brief = [{ value: "x", fades: true }, ok(undefined, 1)] as const;
    assertEquals(check(inTurn(brief, [READ, ok("x", 1)], [set("y"), ok(undefined, 4)])), []);
    const back = [brief, [set("y"), ok(undefined, 4)], [set("z"), ok("x", 5)]] as const;
    assertNotEquals(check(inTurn(...back)), []);
  });

  Deno.test(`${name}() lets an unseen key with a TTL take what was there before with it`, () => {
    const unseen = [
      [set("x"), ok(undefined, 1)],
      [{ value: "y", fades: true }, UNKNOWN],
      [READ, rejected()],
    ] as const;
    assertEquals(check(inTurn(...unseen)), []);
  });
}

Deno.test("checkBySearch() agrees with trying every order", () => {
  const verdicts = { true: 0, false: 0 };
  for (let seed = 1; seed <= 3_000; seed++) {
    const { operations } = simulateClients({
      seed,
      operations: 7,
      keys: 1,
      clients: 4,
      lost: 0.25,
    });
    const changed = disturb(operations, new SeededRandom(seed));
    const expected = isLinearizable(changed);
    verdicts[`${expected}`]++;
    assertEquals(checkBySearch(changed).length === 0, expected, `seed ${seed}`);
  }
  assert(verdicts.true > 500 && verdicts.false > 500, JSON.stringify(verdicts));
});

/** The same with an answer or two that were meant for others. */
function disturb(operations: readonly Operation[], random: SeededRandom): readonly Operation[] {
  const values = ["nobody's", ...operations.map(({ value }) => value)];
  return operations.map((operation) => {
    const { outcome, expected } = operation;
    if (!("found" in outcome) || !random.chance(0.15)) return operation;
    const found = values[random.integer(0, values.length)];
    if (expected !== undefined && (outcome.type === "ok") !== (found === expected)) {
      return operation;
    }
    return { ...operation, outcome: { ...outcome, found } };
  });
}

Deno.test("checkByIndex() holds watched events against what writers were told", () => {
  const operations = inTurn([set("x"), ok(undefined, 3)], [set("y"), ok("x", 5)]);
  const event = (index: number, value: string | undefined, prevValue?: string): WatchedEvent => ({
    index,
    key: "/a",
    value,
    prevValue,
  });
  assertEquals(checkByIndex(operations, [event(3, "x"), event(5, "y", "x")]), []);
  assertNotEquals(checkByIndex(operations, [event(3, "z")]), []);
  assertNotEquals(checkByIndex(operations, [event(7, "x", "y")]), [], "twice");
  assertNotEquals(checkByIndex(operations, [event(7, undefined, "y")]), [], "removed by nobody");
});

Deno.test("checkByIndex() finds an index that is not above what was known before", () => {
  assertNotEquals(checkByIndex(inTurn([set("x"), ok(undefined, 3)], [set("y"), ok("x", 3)])), []);
  assertNotEquals(checkByIndex(inTurn([set("x"), ok(undefined, 3)], [READ, ok("x", 2)])), []);
});

Deno.test("checkBySearch() finds a fault at once among many clients and lost answers", () => {
  const options = { seed: 3, operations: 20_000, keys: 1, clients: 128, lost: 0.3 };
  for (const fault of ["stale read", "test-and-set that is not atomic"] as const) {
    assertNotEquals(checkBySearch(simulateClients({ ...options, fault }).operations), [], fault);
  }
});

Deno.test("checkBySearch() says which operation has no place", () => {
  const [violation] = checkBySearch(
    inTurn([set("x"), ok(undefined, 1)], [set("y"), ok("x", 2)], [READ, ok("x", 2)]),
  );
  assert(violation?.what.includes('read "/a": ok, found "x" at 2'), violation?.what);
});
