/**
 * `GET /v2/keys/KEY?wait=true`: waits for one event, or with `stream=true` for all
 * that come. Status and headers go out at once; there is no time limit. With
 * `waitIndex` it begins in the history, or passes over what comes before.
 */
import { inLaterTurn } from "../../base/turns.ts";
import type { Exchange, Reply, ReplyOrFault, TextFeed } from "../../http/exchange.ts";
import { unavailable } from "../../http/fault.ts";
import type { Failure } from "../../node/ports.ts";
import { STOPPING } from "../../http/message.ts";
import type { ByteString } from "../../store/byte_string.ts";
import type { Event } from "../../store/event.ts";
import type { Watch } from "../../store/watch/hub.ts";
import type { PathView } from "../../store/watch/view.ts";
import { whoAsks } from "../who.ts";
import { indexHeaders, type V2 } from "./context.ts";
import { errorReply, failureReply } from "./error.ts";
import { eventBody } from "./node_json.ts";
import type { Parameters } from "./parameters.ts";

/** Entries of the history that are looked at in one turn of the event loop. */
const ENTRIES_AT_ONCE = 1000;

export class Watches {
  readonly #v2: V2;
  readonly #open = new Set<Feed>();
  readonly #texts = new EventTexts();
  /** What every watch is answered with from now on. */
  #stopping: ReplyOrFault | undefined;

  constructor(v2: V2) {
    this.#v2 = v2;
    v2.service.node.onRefusal((failure) => {
      this.#stopping = failureReply(v2, failure);
      this.#endAll();
    });
  }

  /** Ends all that wait; later ones are refused. */
  stop(): void {
    this.#stopping = STOPPING;
    this.#endAll();
  }

  open(exchange: Exchange, key: ByteString, parameters: Parameters): ReplyOrFault {
    const { service, limits: { watchesMax, streamBacklogMax } } = this.#v2;
    if (this.#stopping !== undefined) return this.#stopping;
    if (this.#open.size >= watchesMax) {
      return unavailable(`Expected at most ${watchesMax} waiting watches, try again later`);
    }
    service.operations.watches++;
    const { recursive, stream, waitIndex } = parameters;
    const headers = indexHeaders(this.#v2, service.changeIndex, service.appliedIndex);
    const view: PathView = { kind: "path", api: "v2", path: key, recursive };
    const since = waitIndex === 0 ? undefined : waitIndex;
    const who = whoAsks(exchange);
    const watch: Watch | Failure = service.watch(view, since, {
      onEvents: (events) => feed.tell(events),
      onBehind: () => feed.catchUp(),
      onAuthChange: service.auth.watchGuard(who, view, () => feed.end()),
    });
    if ("reason" in watch) return failureReply(this.#v2, watch);
    if (watch.isCleared) {
      watch.cancel();
      return this.#cleared(waitIndex);
    }
    /** A file in the place of the directory that may be watched is no part of it, nor what it was. */
    const isSeen = (event: Event): boolean => {
      if (event.key !== key || !service.auth.isOn) return true;
      const isOfFile = !event.isDirectory || (event.before?.version ?? 0) > 0;
      if (!isOfFile) return true;
      const rights = service.auth.rightsOf(who);
      return typeof rights !== "string" && rights.has("read", key);
    };
    const feed = new Feed({
      watch,
      isForOne: !stream,
      backlogMax: streamBacklogMax,
      isSeen,
      textOf: (event) => this.#texts.of(event),
      onEnd: () => this.#open.delete(feed),
    });
    this.#open.add(feed);
    exchange.onGone(() => feed.end());
    feed.catchUp();
    return { status: 200, headers, body: feed };
  }

  #cleared(waitIndex: number): Reply {
    const { service } = this.#v2;
    const oldest = service.clearedOf("path").changeIndex + 1;
    const cause = `the requested history has been cleared [${oldest}/${waitIndex}]`;
    return errorReply(this.#v2, 401, cause, service.changeIndex);
  }

  #endAll(): void {
    for (const feed of [...this.#open]) feed.end();
  }
}

/** The text of the newest event: all who wait for it are told the same. */
class EventTexts {
  #event: Event | undefined;
  #text = "";

  of(event: Event): string {
    if (event !== this.#event) {
      this.#event = event;
      this.#text = eventBody(event);
    }
    return this.#text;
  }
}

interface FeedOptions {
  readonly watch: Watch;
  readonly isForOne: boolean;
  readonly backlogMax: number;
  readonly isSeen: (event: Event) => boolean;
  readonly textOf: (event: Event) => string;
  readonly onEnd: () => void;
}

/** What one client of a watch is given: events as texts, as it takes them. */
class Feed implements TextFeed {
  readonly #options: FeedOptions;
  readonly #watch: Watch;
  #waiting: string[] = [];
  #backlog = 0;
  /** It reads on when the client has taken what there is. */
  #holdsBack = false;
  #isOver = false;
  #onNews = () => {};

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#watch = options.watch;
  }

  tell(told: readonly Event[]): void {
    if (this.#isOver) return;
    const { isForOne, backlogMax, isSeen, textOf } = this.#options;
    const events = told.every(isSeen) ? told : told.filter(isSeen);
    if (events.length === 0) return;
    for (const event of isForOne ? events.slice(0, 1) : events) {
      const text = textOf(event);
      this.#waiting.push(text);
      this.#backlog += text.length;
    }
    if (isForOne || this.#backlog > backlogMax) this.end();
    else this.#onNews();
  }

  /** Reads what has passed, over several turns, until the watch is told by itself. */
  catchUp(): void {
    if (this.#isOver || this.#watch.isSynced) return;
    // A client that takes nothing must not have the whole history read for it.
    if (this.#backlog > this.#options.backlogMax / 2) {
      this.#holdsBack = true;
      return;
    }
    const reading = this.#watch.read(ENTRIES_AT_ONCE);
    if (reading.kind === "cleared") return this.end();
    if (reading.events.length > 0) this.tell(reading.events);
    if (!reading.isSynced) inLaterTurn(() => this.catchUp());
  }

  /** No more comes; what waits is still given. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch.cancel();
    this.#options.onEnd();
    this.#onNews();
  }

  /** See `TextFeed`, as what follows. */
  get isOver(): boolean {
    return this.#isOver;
  }

  follow(onNews: () => void): void {
    this.#onNews = onNews;
  }

  take(): readonly string[] {
    const texts = this.#waiting;
    this.#waiting = [];
    this.#backlog = 0;
    if (this.#holdsBack) {
      this.#holdsBack = false;
      inLaterTurn(() => this.catchUp());
    }
    return texts;
  }

  cancel(): void {
    this.end();
  }
}
