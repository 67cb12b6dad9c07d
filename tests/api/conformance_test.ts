/** The recorded exchanges, on each kind of listener, with time that passes by itself. */
import { assertEquals } from "@std/assert";
import { readScenarios, replay, type ReplayTarget } from "./conformance.ts";
import { KINDS, startNode, type TestNode, until } from "./harness.ts";

for (const kind of KINDS) {
  for (const file of ["v1-readme.json", "v1-edge.json"]) {
    for (const { scenario, steps } of readScenarios(file)) {
      Deno.test(`clientApi() on ${kind} answers as recorded when ${file} plays "${scenario}"`, async () => {
        await using node = await startNode({ kind });
        const expected = steps.filter(({ expect }) => expect !== undefined);
        assertEquals(await replay(targetOf(node), steps), expected.length);
      });
    }
  }
}

function targetOf(node: TestNode): ReplayTarget {
  const { watches } = node.store;
  return {
    ask: (method, path, body, init) => node.ask(method, path, body, init),
    pass: (ms) => node.node.advance(ms),
    oneMoreWatch() {
      const before = watches.size;
      return until(() => watches.size > before, "a watch to wait");
    },
  };
}
