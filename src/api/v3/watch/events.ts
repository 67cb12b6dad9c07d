/** From the store's events to what a watch of v3 is told. */
import { type Event, isRemoval } from "../../../store/event.ts";
import type { Event as EventMessage } from "../messages/kv.ts";
import { toKeyValue } from "../kv/responses.ts";
import type { Draft } from "../messages/table.ts";

/** Which events a watch wants, and how much of them. */
export interface EventView {
  readonly puts: boolean;
  readonly deletes: boolean;
  readonly previous: boolean;
}

/** Room of an event beside its keys and values, at most: tags, lengths and numbers. */
const EVENT_EXTRA_BYTES = 160;

/** What `event` is told as. What was there before is left out where a compaction has taken it. */
function toMessage(
  event: Event,
  previous: boolean,
  compactedRevision: number,
): Draft<EventMessage> {
  const { key, after, before, revision } = event;
  const isGone = after === undefined || isRemoval(event);
  const kv = isGone ? { key, modRevision: revision } : toKeyValue({ key, version: after });
  const type = isGone ? "DELETE" : "PUT";
  if (!previous || before === undefined || revision <= compactedRevision) return { type, kv };
  return { type, kv, prevKv: toKeyValue({ key, version: before }) };
}

/** Of those events that `view` wants. */
export function toMessages(
  events: readonly Event[],
  view: EventView,
  compactedRevision: number,
): readonly Draft<EventMessage>[] {
  const messages: Draft<EventMessage>[] = [];
  for (const event of events) {
    const isGone = event.after === undefined || isRemoval(event);
    if (isGone ? !view.deletes : !view.puts) continue;
    messages.push(toMessage(event, view.previous, compactedRevision));
  }
  return messages;
}

/** Not less than the bytes of `event`, and not much more. */
export function sizeOf({ kv, prevKv }: Draft<EventMessage>): number {
  return EVENT_EXTRA_BYTES +
    (kv?.key?.length ?? 0) + (kv?.value?.length ?? 0) +
    (prevKv?.key?.length ?? 0) + (prevKv?.value?.length ?? 0);
}

/** `events` in parts of at most `bytesMax`, of one event at least. */
export function fragmentsOf(
  events: readonly Draft<EventMessage>[],
  bytesMax: number,
): (readonly Draft<EventMessage>[])[] {
  const parts: Draft<EventMessage>[][] = [];
  let part: Draft<EventMessage>[] = [];
  let size = 0;
  for (const event of events) {
    const next = sizeOf(event);
    if (part.length > 0 && size + next > bytesMax) {
      parts.push(part);
      part = [];
      size = 0;
    }
    part.push(event);
    size += next;
  }
  parts.push(part);
  return parts;
}

/** Events that are told in one message. All watches that are told the same share it. */
export class Telling {
  readonly messages: readonly Draft<EventMessage>[];
  /** Not less than their size. */
  readonly bytes: number;
  #next: Telling | undefined;
  #both: Telling | undefined;

  constructor(messages: readonly Draft<EventMessage>[]) {
    this.messages = messages;
    this.bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0);
  }

  /** This, and then `next`: the same for all who ask for the same. */
  with(next: Telling): Telling {
    if (this.#both === undefined || this.#next !== next) {
      this.#next = next;
      this.#both = new Telling([...this.messages, ...next.messages]);
    }
    return this.#both;
  }
}

/**
 * What watches are told of an entry, made once for all that have the same view: the store
 * gives all of them the same list of events.
 */
export class SharedEvents {
  #events: readonly Event[] | undefined;
  readonly #made: (Telling | undefined)[] = [];

  /** Of the events of one entry, those that `view` wants. */
  tellingOf(events: readonly Event[], view: EventView, compactedRevision: number): Telling {
    if (events !== this.#events) {
      this.#events = events;
      this.#made.length = 0;
    }
    const place = (view.puts ? 1 : 0) | (view.deletes ? 2 : 0) | (view.previous ? 4 : 0);
    return this.#made[place] ??= new Telling(toMessages(events, view, compactedRevision));
  }
}
