/** The runner of the proofs believes a part only when it says so and ends well. */
import { assertEquals } from "@std/assert";
import { ROOT } from "../tidy/source.ts";
import { PARTS } from "./parts.ts";
import { outcomeOf, runInTurn } from "./run.ts";
import { tableOf } from "./table.ts";

const SAID = "seed 1\nPROVE Simulator | 3 seeds | every promise kept\n";

Deno.test("outcomeOf() takes the last line of a part when it ended well", () => {
  assertEquals(outcomeOf("sim", `PROVE a | b | c\n${SAID}`, true, undefined, 2), {
    what: "Simulator",
    much: "3 seeds",
    result: "every promise kept",
    kept: true,
    seconds: 2,
  });
});

Deno.test("outcomeOf() is broken when a part failed, was late or said nothing", () => {
  assertEquals(outcomeOf("sim", SAID, false, undefined, 2).kept, false);
  assertEquals(
    outcomeOf("sim", SAID, true, "no end within 3 s", 3).result,
    "BROKEN: no end within 3 s",
  );
  assertEquals(outcomeOf("sim", "fine\n", true, undefined, 2), {
    what: "sim",
    much: "unknown",
    result: "BROKEN: said nothing",
    kept: false,
    seconds: 2,
  });
});

Deno.test("runInTurn() runs a part alone when it must be", async () => {
  const running = new Set<string>();
  const parts = [
    { name: "a", alone: true },
    { name: "b", alone: false },
    { name: "c", alone: false },
    { name: "d", alone: true },
  ];
  const seen = await runInTurn(parts, async ({ name, alone }) => {
    running.add(name);
    await Promise.resolve();
    const beside = running.size;
    running.delete(name);
    return `${name} ${alone} ${beside}`;
  });
  assertEquals(seen, ["a true 1", "b false 2", "c false 1", "d true 1"]);
});

Deno.test("tableOf() keeps its columns when a cell has a bar", () => {
  assertEquals(
    tableOf(["what", "n"], [["a|b", "12"]]),
    "| what | n  |\n| ---- | -- |\n| a/b  | 12 |",
  );
});

Deno.test("every part of the proof is there", () => {
  for (const { file } of PARTS) Deno.statSync(`${ROOT}${file}`);
});
