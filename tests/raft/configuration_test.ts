/** Which configurations and which changes are let in. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { encodeConfiguration } from "../../src/raft/codec.ts";
import {
  changeFault,
  configurationFault,
  ConfigurationHistory,
  isSameConfiguration,
} from "../../src/raft/configuration.ts";
import type { Configuration, Entry } from "../../src/raft/types.ts";
import { configurationOf, member } from "./server.ts";

function entry(index: number, voters: readonly number[]): Entry {
  return { index, term: 1, kind: "config", data: encodeConfiguration(configurationOf(voters)) };
}

const RESERVED = { ...member(2, false), name: "", clientUrls: [] };

Deno.test("configurationFault() names what is wrong", () => {
  const faults: readonly (readonly [Configuration, string])[] = [
    [{ members: [member(0)], removed: [] }, "integer from 1"],
    [{ members: [member(1), { ...member(1), name: "b" }], removed: [] }, 'id "1"'],
    [{ members: [{ ...member(1), name: "" }], removed: [] }, "have a name"],
    [{ members: [member(1), { ...RESERVED, clientUrls: ["http://c"] }], removed: [] }, "a name"],
    [{ members: [member(1), { ...RESERVED, takenBy: 4 }], removed: [] }, "a name"],
    [{ members: [member(1), { ...RESERVED, grpcUrls: ["http://g"] }], removed: [] }, "a name"],
    [{ members: [{ ...member(1), learner: true }], removed: [] }, "vote and learn"],
    [{ members: [{ ...member(1), takenBy: 4 }], removed: [] }, "vote and learn"],
    [{ members: [member(1), { ...member(2), name: "n1" }], removed: [] }, 'name "n1"'],
    [{ members: [], removed: [] }, "A voter must be left"],
    [{ members: [member(1, false)], removed: [] }, "A voter must be left"],
    [{ members: [member(1)], removed: [1] }, "was removed"],
  ];
  for (const [configuration, fault] of faults) {
    assertStringIncludes(configurationFault(configuration) ?? "nothing", fault);
  }
  assertEquals(configurationFault({ members: [member(1)], removed: [2] }), undefined);
});

Deno.test("configurationFault() lets any number of places be reserved", () => {
  const places = [RESERVED, { ...RESERVED, id: 3, learner: true as const }];
  assertEquals(configurationFault({ members: [member(1), ...places], removed: [] }), undefined);
});

Deno.test("changeFault() lets addresses and learners change along with one voter", () => {
  const current = configurationOf([1, 2, 3]);
  const moved = { ...member(2), peerUrls: ["http://elsewhere"] };
  const next = { members: [member(1), moved, member(4, false), member(5)], removed: [] };
  assertStringIncludes(changeFault(current, next) ?? "", '2 changes: "3", "5"');
  const allowed = { members: [member(1), moved, member(3, false), member(4, false)], removed: [] };
  assertEquals(changeFault(current, allowed), undefined);
});

Deno.test("isSameConfiguration() compares contents", () => {
  assertEquals(isSameConfiguration(configurationOf([1, 2]), configurationOf([1, 2])), true);
  assertEquals(isSameConfiguration(configurationOf([1, 2]), configurationOf([1, 3])), false);
  assertEquals(isSameConfiguration(configurationOf([1, 2]), configurationOf([1])), false);
});

Deno.test("ConfigurationHistory knows what was in effect at each index", () => {
  const history = new ConfigurationHistory(4, configurationOf([1]));
  history.append(entry(6, [1, 2]));
  history.append(entry(9, [1, 2, 3]));
  const voters = [4, 5, 6, 8, 9, 99].map((index) => history.at(index).voters.length);
  assertEquals(voters, [1, 1, 2, 2, 3, 3]);
  assertThrows(() => history.at(3), InvariantError);
});

Deno.test("ConfigurationHistory goes back when entries are truncated", () => {
  const history = new ConfigurationHistory(0, configurationOf([1]));
  history.append(entry(6, [1, 2]));
  history.append(entry(9, [1, 2, 3]));
  assertEquals([history.truncateFrom(10), history.latest.index], [false, 9]);
  assertEquals([history.truncateFrom(9), history.latest.index], [true, 6]);
  assertEquals([history.truncateFrom(1), history.latest.index], [true, 0]);
  assertThrows(() => history.truncateFrom(0), InvariantError);
});

Deno.test("ConfigurationHistory goes on from a snapshot, and keeps what was committed", () => {
  const history = new ConfigurationHistory(0, configurationOf([1]));
  history.append(entry(6, [1, 2]));
  history.append(entry(9, [1, 2, 3]));
  history.install(20, configurationOf([4]), 7);
  assertEquals([6, 19, 20].map((index) => history.at(index).index), [6, 6, 20]);
  history.compact(20);
  assertThrows(() => history.at(19), InvariantError);
});

Deno.test("ConfigurationHistory forgets what is superseded", () => {
  const history = new ConfigurationHistory(0, configurationOf([1]));
  history.append(entry(6, [1, 2]));
  history.append(entry(9, [1, 2, 3]));
  history.compact(8);
  assertEquals([history.at(8).index, history.latest.index], [6, 9]);
  assertThrows(() => history.at(5), InvariantError);
});
