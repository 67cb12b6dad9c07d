/**
 * `/v1/watch/PATH`: waits for one event at the path or under it. `GET` waits for
 * the next; `POST` with `index=N` takes the first with that index or a higher
 * one, from the history or from the future; `GET` with `?index=N` does the same,
 * because ignoring it would answer another question than the one that was put.
 */
import type { Exchange, Reply } from "../../http/exchange.ts";
import { fault, unavailable } from "../../http/fault.ts";
import { isMultipart, multipartFields, urlencodedFields } from "../../http/form.ts";
import type { BadForm, Fields } from "../../http/form.ts";
import { STOPPING } from "../../http/message.ts";
import { longerThan } from "../../http/path.ts";
import type { Route } from "../../http/router.ts";
import type { V1 } from "./context.ts";
import { errorReply, failureReply } from "./error.ts";
import { parseIndex } from "./number.ts";
import { Outbox } from "./outbox.ts";

const WATCH_FIELDS = new Set(["index"]);

/** Nobody reads it: the client has left. */
const GONE: Reply = { status: 408, body: "" };

export interface WatchLimits {
  readonly keyBytesMax: number;
  /** Watches that may wait at once. */
  readonly watchesMax: number;
}

export class Watches {
  readonly #v1: V1;
  readonly #limits: WatchLimits;
  /** Ends each watch that waits. */
  readonly #waiting = new Set<(reply: Reply) => void>();
  readonly #outbox = new Outbox();
  /** What every watch is answered with from now on. */
  #stopping: Reply | undefined;

  constructor(v1: V1, limits: WatchLimits) {
    this.#v1 = v1;
    this.#limits = limits;
    v1.service.onRefusal((failure) => this.stop(failureReply(failure)));
  }

  get route(): Route {
    return {
      path: "/v1/watch",
      subtree: true,
      methods: {
        GET: (exchange, path, query) => this.#get(exchange, path, query),
        POST: (exchange, path, query) => this.#post(exchange, path, query),
      },
    };
  }

  /** Answers all that wait; later ones are refused. */
  stop(reply: Reply = STOPPING): void {
    this.#stopping = reply;
    for (const finish of [...this.#waiting]) finish(reply);
  }

  #get(exchange: Exchange, path: string, query: string): Reply | Promise<Reply> {
    if (query === "") return this.#wait(exchange, path, undefined);
    const fields = urlencodedFields("", query, WATCH_FIELDS);
    if ("cause" in fields) return fault(400, fields.cause);
    return fields.has("index")
      ? this.#from(exchange, path, fields)
      : this.#wait(exchange, path, undefined);
  }

  #post(exchange: Exchange, path: string, query: string): Reply | Promise<Reply> {
    if (isMultipart(exchange)) {
      return multipartFields(exchange, query, WATCH_FIELDS)
        .then((fields) => this.#from(exchange, path, fields));
    }
    return this.#from(exchange, path, urlencodedFields(exchange.body, query, WATCH_FIELDS));
  }

  #from(exchange: Exchange, path: string, fields: Fields | BadForm): Reply | Promise<Reply> {
    if ("cause" in fields) return fault(400, fields.cause);
    const index = parseIndex(fields.get("index") ?? "");
    if (index === undefined) return errorReply(203, "Watch From Index");
    // As in the original, 0 is no index.
    return this.#wait(exchange, path, index === 0 ? undefined : index);
  }

  #wait(exchange: Exchange, path: string, since: number | undefined): Reply | Promise<Reply> {
    const { keyBytesMax, watchesMax } = this.#limits;
    if (longerThan(path, keyBytesMax)) {
      return fault(414, `Expected a path of at most ${keyBytesMax} bytes, found a longer one`);
    }
    if (this.#stopping !== undefined) return this.#stopping;
    if (this.#waiting.size + this.#outbox.size >= watchesMax) {
      return unavailable(`Expected at most ${watchesMax} waiting watches, try again later`);
    }
    return new Promise((resolve) => this.#watch(exchange, path, since, resolve));
  }

  #watch(
    exchange: Exchange,
    path: string,
    since: number | undefined,
    resolve: (reply: Reply) => void,
  ): void {
    const finish = (reply: Reply) => {
      if (this.#waiting.delete(finish)) this.#outbox.send(resolve, reply);
    };
    this.#waiting.add(finish);
    const { service: { store }, replies } = this.#v1;
    store.counters.watches++;
    const watch = store.watches.watch(
      path,
      since,
      (event) => finish(replies.of(event)),
      (clearedBefore) => finish(cleared(clearedBefore)),
    );
    if ("clearedBefore" in watch) return finish(cleared(watch.clearedBefore));
    // Only what still waits needs to know: the history may have answered already.
    if (!this.#waiting.has(finish)) return;
    exchange.onGone(() => {
      watch.cancel();
      finish(GONE);
    });
  }
}

function cleared(clearedBefore: number): Reply {
  return errorReply(
    401,
    `The history has no events before index ${clearedBefore}, watch from there on`,
  );
}
