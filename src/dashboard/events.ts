/**
 * Live events for the page: a long poll that is answered with everything that
 * has happened at a path since, so that a burst costs a few answers and not one
 * each. Values are cut: the page shows their beginning.
 */
import type { Exchange, Reply, ReplyOrFault } from "../http/exchange.ts";
import { unavailable } from "../http/fault.ts";
import { STOPPING } from "../http/message.ts";
import { byteStringOf, textOf } from "../store/byte_string.ts";
import { type Event, isRemoval } from "../store/event.ts";
import type { Service } from "../service/service.ts";
import { textOfBytes } from "../store/value.ts";
import type { Watch } from "../store/watch/hub.ts";
import type { PathView } from "../store/watch/view.ts";
import { ALL_RIGHTS, type Rights, touchesBelow } from "../store/auth/rights.ts";
import { failureReply } from "./faults.ts";
import { PREVIEW_LENGTH } from "./limits.ts";
import { problemReply, whoSits } from "./session.ts";
import type { EventsView, EventView } from "./view.ts";

/** Entries that a look at the newest events goes back at most. */
const LOOK_BACK_MAX = 1000;

export interface EventPollsOptions {
  readonly service: Service;
  /** Polls that may wait at once. */
  readonly pollsMax: number;
  /** Events in one answer. */
  readonly eventsMax: number;
  /** After so long without an event the answer is empty. */
  readonly waitMs: number;
}

export class EventPolls {
  readonly #options: EventPollsOptions;
  /** Ends each poll that waits. */
  readonly #waiting = new Set<(reply: ReplyOrFault) => void>();
  /** What every poll is answered with from now on. */
  #stopping: ReplyOrFault | undefined;

  constructor(options: EventPollsOptions) {
    this.#options = options;
    options.service.node.onRefusal((failure) => this.stop(failureReply(failure)));
  }

  /** Answers all that wait; later ones are refused. */
  stop(reply: ReplyOrFault = STOPPING): void {
    this.#stopping = reply;
    for (const finish of [...this.#waiting]) finish(reply);
  }

  /**
   * Events at or under `path` from index `since` on, as soon as there are any;
   * without it, at once the newest that the history has, and where to go on.
   */
  poll(
    exchange: Exchange,
    path: string,
    since: number | undefined,
  ): ReplyOrFault | Promise<ReplyOrFault> {
    const { pollsMax, service } = this.#options;
    if (this.#stopping !== undefined) return this.#stopping;
    const who = whoSits(exchange);
    if (!service.auth.isOn) return this.#poll(exchange, path, since, pollsMax, ALL_RIGHTS);
    return Promise.resolve(
      service.auth.read<ReplyOrFault | Promise<ReplyOrFault>>(
        who,
        (_store, _nowMs, rights) =>
          touchesBelow(rights, "read", byteStringOf(path))
            ? this.#poll(exchange, path, since, pollsMax, rights)
            : problemReply("permissionDenied"),
        problemReply,
        failureReply,
      ),
    ).then((reply) => reply);
  }

  #poll(
    exchange: Exchange,
    path: string,
    since: number | undefined,
    pollsMax: number,
    rights: Rights,
  ): ReplyOrFault | Promise<ReplyOrFault> {
    if (since === undefined) return this.#newest(path, false, rights);
    if (this.#waiting.size >= pollsMax) {
      return unavailable(`Expected at most ${pollsMax} dashboards that wait for events`);
    }
    return new Promise((resolve) => this.#wait(exchange, path, since, rights, resolve));
  }

  #wait(
    exchange: Exchange,
    path: string,
    from: number,
    rights: Rights,
    resolve: (reply: ReplyOrFault) => void,
  ): void {
    const { service, waitMs } = this.#options;
    let since = from;
    const finish = (reply: ReplyOrFault) => {
      if (!this.#waiting.delete(finish)) return;
      clearTimeout(timer);
      watch?.cancel();
      resolve(reply);
    };
    const idle = () => finish(answer({ events: [], next: since, gap: false }));
    const look = () => {
      const past = this.#past(path, since, this.#options.eventsMax);
      // Whoever went on from where the history begins might never catch up.
      if (past === "cleared") return finish(this.#newest(path, true, rights));
      const { portion, gap } = portionOf(past, this.#options.eventsMax);
      const last = portion.at(-1);
      if (last === undefined) return;
      since = last.logIndex + 1;
      const events = portion.filter(({ key }) => rights.has("read", key)).map(describe);
      if (events.length > 0 || gap) finish(answer({ events, next: since, gap }));
    };
    const timer = setTimeout(idle, waitMs);
    let watch: Watch | undefined = undefined;
    this.#waiting.add(finish);
    look();
    if (!this.#waiting.has(finish)) return;
    const found = service.watch(viewOf(path), undefined, {
      onEvents: look,
      onBehind: look,
      // With other rights it is another question: the page asks it again.
      onAuthChange: idle,
    });
    if ("reason" in found) return finish(failureReply(found));
    watch = found;
    exchange.onGone(idle);
  }

  #newest(path: string, gap: boolean, rights: Rights): Reply {
    const { service, eventsMax } = this.#options;
    const { index } = service;
    const from = Math.max(service.clearedOf("path").logIndex + 1, index - LOOK_BACK_MAX, 1);
    const past = this.#past(path, from, Infinity);
    const seen = past === "cleared" ? [] : past.filter(({ key }) => rights.has("read", key));
    const events = seen.slice(-eventsMax);
    return answer({ events: events.map(describe), next: index + 1, gap });
  }

  /** Events of the history from index `since` on, by whole entries: more than `max` if there are as many. */
  #past(path: string, since: number, max: number): readonly Event[] | "cleared" {
    const watch = this.#options.service.watch(viewOf(path), since, {
      onEvents: () => {},
      onBehind: () => {},
    });
    if ("reason" in watch) return [];
    const events: Event[] = [];
    try {
      while (!watch.isSynced && events.length <= max) {
        const reading = watch.read(LOOK_BACK_MAX);
        if (reading.kind === "cleared") return "cleared";
        events.push(...reading.events);
      }
    } finally {
      watch.cancel();
    }
    return events;
  }
}

/**
 * What goes into one answer: at most `max` events, and of each entry all or none, because
 * the page goes on from the next entry. Of an entry that has more by itself the rest is
 * a gap.
 */
function portionOf(
  past: readonly Event[],
  max: number,
): { readonly portion: readonly Event[]; readonly gap: boolean } {
  const next = past[max];
  if (next === undefined) return { portion: past, gap: false };
  const whole = past.slice(0, max).filter(({ logIndex }) => logIndex !== next.logIndex);
  return whole.length > 0
    ? { portion: whole, gap: false }
    : { portion: past.slice(0, max), gap: true };
}

/** Events of files alone, hidden ones too, by the index of the log. */
function viewOf(path: string): PathView {
  return { kind: "path", api: "v1", path: byteStringOf(path), recursive: true };
}

function answer(view: EventsView): Reply {
  return { status: 200, body: JSON.stringify(view) };
}

function describe(event: Event): EventView {
  const { key, logIndex, after, before, timeMs } = event;
  const value = after === undefined ? "" : textOfBytes(after.value);
  const deadlineMs = after?.deadlineMs ?? 0;
  return {
    action: isRemoval(event) ? "DELETE" : "SET",
    key: textOf(key),
    index: logIndex,
    value: value.slice(0, PREVIEW_LENGTH),
    length: value.length,
    newKey: before === undefined && after !== undefined,
    ttlSeconds: deadlineMs === 0 ? 0 : Math.ceil((deadlineMs - timeMs) / 1000),
  };
}
