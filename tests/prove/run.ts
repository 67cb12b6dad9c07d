/** How parts of the proof follow each other, and what their output means. */

export interface Outcome {
  readonly what: string;
  readonly much: string;
  readonly result: string;
  readonly kept: boolean;
  readonly seconds: number;
}

const LINE = /^PROVE ([^|]+)\|([^|]+)\|(.+)$/gm;

/** What a part that said `text` has shown; `late`: why it was ended, if it was. */
export function outcomeOf(
  name: string,
  text: string,
  success: boolean,
  late: string | undefined,
  seconds: number,
): Outcome {
  const said = [...text.matchAll(LINE)].at(-1)?.slice(1).map((cell) => cell.trim());
  const [what, much, result] = said ?? [name, "unknown", "said nothing"];
  const kept = said !== undefined && success && late === undefined;
  const told = kept ? result! : `BROKEN: ${late ?? result}`;
  return { what: what!, much: much!, result: told, kept, seconds };
}

/** Runs those that may share the machine together, then each of the others alone; answers in the given order. */
export async function runInTurn<P extends { readonly alone: boolean }, T>(
  parts: readonly P[],
  run: (part: P) => Promise<T>,
): Promise<T[]> {
  const outcomes = new Map<P, T>();
  const keep = async (part: P) => void outcomes.set(part, await run(part));
  await Promise.all(parts.filter(({ alone }) => !alone).map(keep));
  for (const part of parts.filter(({ alone }) => alone)) await keep(part);
  return parts.map((part) => outcomes.get(part)!);
}
