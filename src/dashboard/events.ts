/**
 * Live events for the page: a long poll that is answered with everything that
 * has happened at a path since, so that a burst costs a few answers and not one
 * each. Values are cut: the page shows their beginning.
 */
import type { Exchange, Reply, ReplyOrFault } from "../http/exchange.ts";
import { unavailable } from "../http/fault.ts";
import { STOPPING } from "../http/message.ts";
import type { Service } from "../service/service.ts";
import type { Event } from "../store/event.ts";
import type { Watch } from "../store/watch_hub.ts";
import { failureReply } from "./faults.ts";
import { PREVIEW_LENGTH } from "./limits.ts";
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
    const { pollsMax } = this.#options;
    if (this.#stopping !== undefined) return this.#stopping;
    if (since === undefined) return this.#newest(path, false);
    if (this.#waiting.size >= pollsMax) {
      return unavailable(`Expected at most ${pollsMax} dashboards that wait for events`);
    }
    return new Promise((resolve) => this.#wait(exchange, path, since, resolve));
  }

  #wait(
    exchange: Exchange,
    path: string,
    since: number,
    resolve: (reply: ReplyOrFault) => void,
  ): void {
    const { service, waitMs } = this.#options;
    let watch: Watch | undefined = undefined;
    const finish = (reply: ReplyOrFault) => {
      if (!this.#waiting.delete(finish)) return;
      clearTimeout(timer);
      watch?.cancel();
      resolve(reply);
    };
    const idle = () => finish(answer({ events: [], next: since, gap: false }));
    // Whoever went on from where the history begins might never catch up.
    const cleared = () => finish(this.#newest(path, true));
    const timer = setTimeout(idle, waitMs);
    this.#waiting.add(finish);
    const found = service.watch(
      path,
      since,
      (event) => finish(this.#from(path, event)),
      cleared,
    );
    if ("reason" in found) return finish(failureReply(found));
    if ("clearedBefore" in found) return cleared();
    watch = found;
    if (this.#waiting.has(finish)) exchange.onGone(idle);
  }

  /** `first` and what the history has after it. */
  #from(path: string, first: Event): Reply {
    const events = [first, ...this.#past(path, first.index + 1, this.#options.eventsMax - 1)];
    return answer({ events: events.map(describe), next: events.at(-1)!.index + 1, gap: false });
  }

  #newest(path: string, gap: boolean): Reply {
    const { service, eventsMax } = this.#options;
    const { index } = service;
    const from = Math.max(service.stats().historyFirstIndex, index - LOOK_BACK_MAX);
    const events = this.#past(path, from, Infinity).slice(-eventsMax);
    return answer({ events: events.map(describe), next: index + 1, gap });
  }

  /** At most `max` events of the history from index `since` on. */
  #past(path: string, since: number, max: number): Event[] {
    const { service } = this.#options;
    const events: Event[] = [];
    let next = since;
    let found = true;
    while (found && events.length < max) {
      found = false;
      const watch = service.watch(path, next, (event) => {
        found = true;
        events.push(event);
        next = event.index + 1;
      });
      if (!found && "cancel" in watch) watch.cancel();
    }
    return events;
  }
}

function answer(view: EventsView): Reply {
  return { status: 200, body: JSON.stringify(view) };
}

function describe({ action, key, index, value = "", newKey, ttlSeconds = 0 }: Event): EventView {
  return {
    action,
    key,
    index,
    value: value.slice(0, PREVIEW_LENGTH),
    length: value.length,
    newKey,
    ttlSeconds,
  };
}
