/** A part of the benchmark: what it is given, and how it compares two systems. */
import { fileURLToPath } from "node:url";
import { RUN_FLAGS } from "../../tools/node_flags.ts";
import type { Row } from "./report.ts";
import { debianEtcd, ours, startSubject } from "./subject.ts";
import type { Recipe, Subject } from "./subject.ts";

export interface Settings {
  /** Runs of each system, in turn. */
  readonly pairs: number;
  /** Of each run. */
  readonly seconds: number;
}

export type Report = (row: Row) => void;

export type Part = (settings: Settings, report: Report) => Promise<void>;

/** Two systems, and what they are called in a row. */
export type Comparison = (
  a: Subject,
  b: Subject,
  label: string,
  settings: Settings,
  report: Report,
) => Promise<void>;

const LABELS: ReadonlyMap<number, string> = new Map([[1, "single"], [3, "three members"]]);

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** From the source, with the permissions that `deno task etcd` gives. */
export const THIS_SYSTEM: Recipe = ours(Deno.execPath(), ["run", ...RUN_FLAGS, MAIN]);

/** Runs `compare` on `one` and Debian's etcd, for each number of members. */
export function comparing(
  compare: Comparison,
  { members = [1], isMutual = false }: {
    readonly members?: readonly number[];
    readonly isMutual?: boolean;
  } = {},
  one = THIS_SYSTEM,
): Part {
  return async (settings, report) => {
    for (const count of members) {
      await using ends = new AsyncDisposableStack();
      const a = ends.adopt(await startSubject(one, count, isMutual), stop);
      const b = ends.adopt(await startSubject(debianEtcd(), count, isMutual), stop);
      await compare(a, b, LABELS.get(count)!, settings, report);
    }
  };
}

function stop(subject: Subject): Promise<void> {
  return subject.stop();
}

/** Runs `measure` on both in turn: A B A B. */
export async function pairs<T>(
  { pairs }: Settings,
  measure: (subject: Subject) => Promise<T>,
  a: Subject,
  b: Subject,
): Promise<[T[], T[]]> {
  const one: T[] = [];
  const other: T[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    one.push(await measure(a));
    other.push(await measure(b));
  }
  return [one, other];
}
