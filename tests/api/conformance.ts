/**
 * Replays exchanges recorded from the original program, each scenario on a fresh
 * node. In what is expected `<time>`, `<any>` and `<index>` stand for any value
 * of their kind; fields compare with their order, lists marked as unordered
 * without.
 */
import { assert } from "@std/assert";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface Step {
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

export interface Scenario {
  readonly scenario: string;
  readonly steps: readonly Step[];
}

interface Got {
  readonly status: number;
  readonly body: Json;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** What is replayed against. */
export interface ReplayTarget {
  ask(
    method: string,
    path: string,
    body: Record<string, string> | string | FormData | undefined,
    init: RequestInit,
  ): Promise<{ readonly status: number; readonly text: string }>;
  /** Lets that much time pass for the node. */
  pass(ms: number): void | Promise<void>;
  /** Resolves when one watch more waits than at the time of the call. */
  oneMoreWatch(): Promise<void>;
  /** Seconds that may pass unasked, on a real clock, and so be missing from a TTL. */
  readonly lostSecondsMax?: number;
}

/** The scenarios of a file in `fixtures/http/v1/`. */
export function readScenarios(file: string): readonly Scenario[] {
  const url = new URL(`../../fixtures/http/v1/${file}`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

/** Throws at the first difference; returns how many answers were compared. */
export async function replay(target: ReplayTarget, steps: readonly Step[]): Promise<number> {
  const pending = new Map<string, Promise<Got>>();
  let compared = 0;
  for (const [number, step] of steps.entries()) {
    if (step.sleep !== undefined) await target.pass(step.sleep);
    if (step.background) {
      const waiting = target.oneMoreWatch();
      pending.set(step.name!, send(target, step));
      await waiting;
      continue;
    }
    const got = step.join === undefined ? await send(target, step) : await pending.get(step.join)!;
    const { status, body } = step.expect!;
    assert(
      got.status === status &&
        matches(body, withoutLostSeconds(body, got.body, target), step.unordered ?? false),
      `Step ${number + 1} ${JSON.stringify(step.request ?? step.join)}: ` +
        `expected ${JSON.stringify({ status, body })}, found ${JSON.stringify(got)}`,
    );
    compared++;
  }
  return compared;
}

/** `got` with the TTL of `want` when it is less by what the target may lose. */
function withoutLostSeconds(want: Json, got: Json, { lostSecondsMax = 0 }: ReplayTarget): Json {
  if (!isEvent(want) || !isEvent(got)) return got;
  const lost = want.ttl - got.ttl;
  return lost >= 0 && lost <= lostSecondsMax ? { ...got, ttl: want.ttl } : got;
}

function isEvent(body: Json): body is { [name: string]: Json; ttl: number } {
  return typeof body === "object" && body !== null && !Array.isArray(body) &&
    typeof body.ttl === "number";
}

async function send(target: ReplayTarget, { request }: Step): Promise<Got> {
  const { method, path, form, multipart, raw, headers } = request!;
  let body: Record<string, string> | string | FormData | undefined = form ?? raw;
  if (multipart !== undefined) {
    body = new FormData();
    for (const [name, value] of Object.entries(multipart)) body.append(name, value);
  }
  const answer = await target.ask(method, path, body, headers === undefined ? {} : { headers });
  return { status: answer.status, body: JSON.parse(answer.text) };
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
