/**
 * Configurations: what is a valid one, which change is allowed, and which one
 * is in effect. A configuration counts from the moment it is appended, not from
 * its commitment, and is undone when its entry is truncated (thesis §4.1).
 */
import { assert } from "../base/assert.ts";
import { hasSameItems } from "../base/sequences.ts";
import { decodeConfiguration, encodeConfiguration } from "./codec.ts";
import type { Configuration, Entry, Member, MemberId } from "./types.ts";

/** The member with this id, if there is one. */
export function findMember(
  configuration: Configuration,
  id: MemberId,
): Member | undefined {
  return configuration.members.find((member) => member.id === id);
}

/** Whether nobody has taken this place yet: there is nobody to send anything to. */
export function isReserved({ name }: Member): boolean {
  return name === "";
}

/** The ids of those who vote and are counted, in the order of the members. */
function votersOf(configuration: Configuration): MemberId[] {
  return configuration.members.filter(({ voter }) => voter)
    .map(({ id }) => id);
}

/** Whether both have the same bytes: members and removed ones in the same order. */
export function isSameConfiguration(one: Configuration, other: Configuration): boolean {
  return hasSameItems(encodeConfiguration(one), encodeConfiguration(other));
}

/** Why `configuration` cannot be one, as a sentence for people; undefined when it can. */
export function configurationFault(
  configuration: Configuration,
): string | undefined {
  const ids = new Set<MemberId>();
  const names = new Set<string>();
  for (const member of configuration.members) {
    const { id, name } = member;
    if (!Number.isSafeInteger(id) || id <= 0) {
      return `A member id must be an integer from 1 to 2^53 - 1, found "${id}"`;
    }
    if (ids.has(id)) return `Member id "${id}" must be there once`;
    if (names.has(name)) return `Member name "${name}" must be there once`;
    const fault = partFault(member);
    if (fault !== undefined) return fault;
    ids.add(id);
    if (name !== "") names.add(name);
  }
  if (votersOf(configuration).length === 0) return "A voter must be left";
  const revived = configuration.removed.find((id) => ids.has(id));
  return revived === undefined
    ? undefined
    : `Member id "${revived}" was removed, it must join under a new one`;
}

/** What is wrong with the part that a member has in the cluster. */
function partFault(member: Member): string | undefined {
  const { id, clientUrls, grpcUrls, voter, learner, takenBy } = member;
  const isTaken = clientUrls.length > 0 || grpcUrls !== undefined || takenBy !== undefined;
  if (isReserved(member) && (voter || isTaken)) {
    return `Member "${id}" must have a name`;
  }
  return voter && (learner !== undefined || takenBy !== undefined)
    ? `Member "${id}" must not vote and learn`
    : undefined;
}

/**
 * Why `next` cannot follow `current`, undefined when it can. Majorities of two
 * configurations overlap only if their voters differ by one at most (thesis §4.1).
 */
export function changeFault(
  current: Configuration,
  next: Configuration,
): string | undefined {
  const before = votersOf(current);
  const after = votersOf(next);
  const changed = [
    ...before.filter((id) => !after.includes(id)),
    ...after.filter((id) => !before.includes(id)),
  ];
  return changed.length <= 1
    ? configurationFault(next)
    : `Voters must change one at a time, found ${changed.length} changes: "${
      changed.join('", "')
    }"`;
}

/** A configuration and where the log says so. */
export interface Effective {
  /** Of its entry, or of the snapshot that it came with. */
  readonly index: number;
  readonly configuration: Configuration;
  readonly voters: readonly MemberId[];
}

/** Every configuration that may still matter: the base, and each entry after it. */
export class ConfigurationHistory {
  /** Ascending by index, never empty. */
  #items: Effective[];

  constructor(index: number, configuration: Configuration) {
    this.#items = [effective(index, configuration)];
  }

  /** The one to go by. */
  get latest(): Effective {
    return this.#items.at(-1)!;
  }

  /** The one that was in effect once the log reached `index`. */
  at(index: number): Effective {
    const found = this.#items.findLast((item) => item.index <= index);
    assert(found !== undefined, "Configuration must not be forgotten yet");
    return found;
  }

  /** Takes an entry of kind `config`, whose data must decode. */
  append(entry: Entry): void {
    assert(entry.index > this.latest.index, "Configurations must ascend");
    this.#items.push(effective(entry.index, decodeConfiguration(entry.data)));
  }

  /** Undoes the configurations from `index` on; true when there were any. */
  truncateFrom(index: number): boolean {
    const kept = this.#items.filter((item) => item.index < index);
    assert(kept.length > 0, "The base configuration is never undone");
    const undone = kept.length < this.#items.length;
    this.#items = kept;
    return undone;
  }

  /**
   * Goes on from a snapshot at `index`. What was committed by `commitIndex` stays
   * until it is compacted: the state machine may still stand there.
   */
  install(index: number, configuration: Configuration, commitIndex: number): void {
    const kept = this.#items.filter((item) => item.index <= commitIndex);
    this.#items = [...kept, effective(index, configuration)];
  }

  /** Forgets what was superseded by the time the log reached `index`. */
  compact(index: number): void {
    const base = this.at(index);
    this.#items = this.#items.filter((item) => item.index >= base.index);
  }
}

function effective(index: number, configuration: Configuration): Effective {
  return { index, configuration, voters: votersOf(configuration) };
}
