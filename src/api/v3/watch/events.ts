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

/**
 * The events of the entry that is being told, as messages: all who see the same share
 * the store's list of them, so they are made once for each view.
 */
export class SharedEvents {
  #events: readonly Event[] | undefined;
  readonly #made: (readonly Draft<EventMessage>[] | undefined)[] = [];

  messagesOf(
    events: readonly Event[],
    view: EventView,
    compactedRevision: number,
  ): readonly Draft<EventMessage>[] {
    if (events !== this.#events) {
      this.#events = events;
      this.#made.length = 0;
    }
    const place = (view.puts ? 1 : 0) | (view.deletes ? 2 : 0) | (view.previous ? 4 : 0);
    return this.#made[place] ??= toMessages(events, view, compactedRevision);
  }
}
