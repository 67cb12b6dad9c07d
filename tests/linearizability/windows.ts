/** Between which indexes each operation must have taken effect, by real time alone. */
import { describe, type Operation } from "./history.ts";

export class Windows {
  /** The newest index that anybody had been told of at the call. */
  readonly #floors = new Map<Operation, number>();
  /** The newest index that an operation can have that was over before others were called. */
  readonly #ceilings = new Map<Operation, number>();

  constructor(operations: readonly Operation[]) {
    const bearing = operations.filter(({ outcome, kind }) =>
      kind !== "stale" && "index" in outcome && outcome.index !== undefined
    );
    const byEnd = bearing.toSorted((a, b) => a.end - b.end);
    const byCall = operations.toSorted((a, b) => a.call - b.call);
    let told = 0;
    let place = 0;
    for (const operation of byCall) {
      for (; place < byEnd.length && byEnd[place]!.end < operation.call; place++) {
        told = Math.max(told, indexOf(byEnd[place]!));
      }
      this.#floors.set(operation, told);
    }
    const lateFirst = operations.toSorted((a, b) => b.end - a.end);
    const calledLast = bearing.toSorted((a, b) => b.call - a.call);
    let ceiling = Infinity;
    place = 0;
    for (const operation of lateFirst) {
      for (; place < calledLast.length && calledLast[place]!.call > operation.end; place++) {
        const later = calledLast[place]!;
        ceiling = Math.min(ceiling, indexOf(later) - (later.kind === "read" ? 0 : 1));
      }
      this.#ceilings.set(operation, ceiling);
    }
  }

  floorOf(operation: Operation): number {
    return this.#floors.get(operation)!;
  }

  ceilingOf(operation: Operation): number {
    return this.#ceilings.get(operation)!;
  }

  /** What is wrong with the index of an answer: it must be above all that was known when it was asked. */
  broken(operation: Operation): string | undefined {
    const { kind, outcome } = operation;
    if (kind === "stale" || !("index" in outcome) || outcome.index === undefined) return undefined;
    const floor = this.floorOf(operation);
    if (outcome.index > floor || (kind === "read" && outcome.index === floor)) return undefined;
    return `index ${floor} was known before this was asked: ${describe(operation)}`;
  }
}

function indexOf({ outcome }: Operation): number {
  return "index" in outcome ? outcome.index ?? 0 : 0;
}
