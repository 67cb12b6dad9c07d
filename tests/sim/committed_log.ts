/**
 * The log as it was committed by whoever committed it first: what every member
 * must agree with for ever. Also every entry that was ever written, by index and
 * term, which must be one and the same wherever it lies (paper §5.3, Log Matching).
 */
import { decodeConfiguration } from "../../src/raft/codec.ts";
import type { Configuration, Entry } from "../../src/raft/types.ts";
import { encodeHex } from "./text.ts";
import type { Violations } from "./violation.ts";

interface KnownEntry {
  readonly entry: Entry;
  /** Of the entry before it. */
  readonly previousTerm: number;
}

interface KnownConfiguration {
  readonly index: number;
  readonly configuration: Configuration;
}

/** Room for terms in a key made of index and term. */
const TERMS = 2 ** 22;

export class CommittedLog {
  readonly #violations: Violations;
  /** By index; the first place is that of index 0. */
  readonly #entries: (Entry | undefined)[] = [undefined];
  readonly #known = new Map<number, KnownEntry>();
  /** The newest committed one, and those written after it. */
  #configurations: KnownConfiguration[] = [];

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  /** The newest committed index. */
  get lastIndex(): number {
    return this.#entries.length - 1;
  }

  /** The committed entry at `index`. */
  at(index: number): Entry | undefined {
    return this.#entries[index];
  }

  termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.#entries[index]?.term;
  }

  /** What the founders started with. */
  found(configuration: Configuration): void {
    if (this.#configurations.length > 0 || configuration.members.length === 0) return;
    this.#configurations.push({ index: 0, configuration });
  }

  /** The configurations that are in effect somewhere, or may come into effect. */
  possibleConfigurations(): Configuration[] {
    return this.#configurations.map(({ configuration }) => configuration);
  }

  /** Somebody has `entry` in its log, after one of `previousTerm`. */
  meet(who: string, entry: Entry, previousTerm: number): void {
    const key = entry.index * TERMS + entry.term;
    const known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, { entry, previousTerm });
      if (entry.kind === "config") this.#configurations.push(readConfiguration(entry));
      return;
    }
    const isSame = known.previousTerm === previousTerm && known.entry.kind === entry.kind &&
      sameBytes(known.entry.data, entry.data);
    this.#violations.check(
      isSame,
      "log matching",
      () =>
        `${who} has at index ${entry.index} of term ${entry.term} ${describe(entry)} after term ` +
        `${previousTerm}, another had ${describe(known.entry)} after term ${known.previousTerm}`,
    );
  }

  /** Takes the entry at the next index, of `term`, as committed; undefined when nobody ever wrote it. */
  commit(index: number, term: number): Entry | undefined {
    const entry = this.#known.get(index * TERMS + term)?.entry;
    if (entry === undefined) return undefined;
    this.#entries.push(entry);
    if (entry.kind === "config") {
      const later = this.#configurations.filter((known) => known.index > index);
      this.#configurations = [readConfiguration(entry), ...later];
    }
    return entry;
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function readConfiguration({ index, data }: Entry): KnownConfiguration {
  return { index, configuration: decodeConfiguration(data) };
}

function describe({ kind, data }: Entry): string {
  return `a ${kind} of ${data.length} bytes (${encodeHex(data.subarray(0, 24))})`;
}
