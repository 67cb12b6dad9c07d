/** What the whole cluster has to know of a member's trouble; replicated, until somebody takes it back. */
import type { AlarmCommand, AlarmType } from "./command/command.ts";
import { type Hash, Hasher } from "./keyspace/hash.ts";

export interface ActiveAlarm {
  readonly alarm: AlarmType;
  /** 64 bits. */
  readonly member: bigint;
}

export class Alarms {
  readonly #alarms = new Map<string, ActiveAlarm>();

  get hash(): Hash {
    const hasher = new Hasher();
    for (const name of [...this.#alarms.keys()].sort()) {
      for (let i = 0; i < name.length; i++) hasher.integer(name.charCodeAt(i));
    }
    return this.#alarms.size === 0 ? NO_HASH : hasher.finish();
  }

  get isEmpty(): boolean {
    return this.#alarms.size === 0;
  }

  values(): readonly ActiveAlarm[] {
    return [...this.#alarms.values()];
  }

  has(alarm: AlarmType): boolean {
    return this.values().some((active) => active.alarm === alarm);
  }

  /** Whether anything changed. */
  apply({ action, alarm, member }: AlarmCommand): boolean {
    const name = `${alarm} ${member}`;
    if (action === "deactivate") return this.#alarms.delete(name);
    if (this.#alarms.has(name)) return false;
    this.#alarms.set(name, { alarm, member });
    return true;
  }
}

const NO_HASH: Hash = Object.freeze({ low: 0, high: 0 });
