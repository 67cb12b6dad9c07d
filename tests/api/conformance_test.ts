/**
 * Replays exchanges recorded from the original program, each scenario on a fresh
 * node. In what is expected `<time>`, `<any>` and `<index>` stand for any value
 * of their kind; fields compare with their order, lists marked as unordered
 * without.
 */
import { assert, assertEquals } from "@std/assert";
import { KINDS, startNode, type TestNode, until } from "./harness.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

interface Step {
  readonly request?: {
    readonly method: string;
    readonly path: string;
    readonly form?: Record<string, string>;
    readonly multipart?: Record<string, string>;
    readonly raw?: string;
    readonly headers?: Record<string, string>;
  };
  readonly expect?: { readonly status: number; readonly body: Json };
  /** Milliseconds that pass before the step. */
  readonly sleep?: number;
  /** Goes on at once; a later `join` with this name gets the answer. */
  readonly background?: boolean;
  readonly name?: string;
  readonly join?: string;
  readonly unordered?: boolean;
}

interface Scenario {
  readonly scenario: string;
  readonly steps: readonly Step[];
}

interface Got {
  readonly status: number;
  readonly body: Json;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

for (const kind of KINDS) {
  for (const file of ["v1-readme.json", "v1-edge.json"]) {
    for (const { scenario, steps } of readScenarios(file)) {
      Deno.test(`clientApi() on ${kind} answers as recorded when ${file} plays "${scenario}"`, async () => {
        await using node = await startNode({ kind });
        const expected = steps.filter(({ expect }) => expect !== undefined);
        assertEquals(await replay(node, steps), expected.length);
      });
    }
  }
}

function readScenarios(file: string): readonly Scenario[] {
  const url = new URL(`../../fixtures/http/v1/${file}`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

/** Returns how many answers were compared. */
async function replay(node: TestNode, steps: readonly Step[]): Promise<number> {
  const pending = new Map<string, Promise<Got>>();
  let compared = 0;
  for (const [number, step] of steps.entries()) {
    if (step.sleep !== undefined) node.node.advance(step.sleep);
    if (step.background) {
      const waiting = node.store.watches.size;
      pending.set(step.name!, send(node, step));
      await until(() => node.store.watches.size > waiting, "a watch to be waiting");
      continue;
    }
    const got = step.join === undefined ? await send(node, step) : await pending.get(step.join)!;
    const { status, body } = step.expect!;
    assert(
      got.status === status && matches(body, got.body, step.unordered ?? false),
      `Step ${number + 1} ${JSON.stringify(step.request ?? step.join)}: ` +
        `expected ${JSON.stringify({ status, body })}, found ${JSON.stringify(got)}`,
    );
    compared++;
  }
  return compared;
}

async function send(node: TestNode, { request }: Step): Promise<Got> {
  const { method, path, form, multipart, raw, headers } = request!;
  let body: Record<string, string> | string | FormData | undefined = form ?? raw;
  if (multipart !== undefined) {
    body = new FormData();
    for (const [name, value] of Object.entries(multipart)) body.append(name, value);
  }
  const answer = await node.ask(method, path, body, headers === undefined ? {} : { headers });
  return { status: answer.status, body: answer.json ?? answer.text };
}

function matches(want: Json, got: Json, unordered: boolean): boolean {
  if (want === "<any>") return true;
  if (want === "<time>") return typeof got === "string" && TIME.test(got);
  if (want === "<index>") return Number.isInteger(got) && (got as number) > 0;
  if (Array.isArray(want)) {
    if (!Array.isArray(got) || got.length !== want.length) return false;
    if (!unordered) return want.every((item, i) => matches(item, got[i]!, false));
    const left = [...got];
    return want.every((item) => {
      const at = left.findIndex((candidate) => matches(item, candidate, false));
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    });
  }
  if (typeof want !== "object" || want === null) return want === got;
  if (typeof got !== "object" || got === null || Array.isArray(got)) return false;
  const names = Object.keys(want);
  const found = Object.keys(got);
  return names.length === found.length && names.every((name, i) => name === found[i]) &&
    names.every((name) => matches(want[name]!, got[name]!, false));
}
