/**
 * `/v1/watch/PATH`: waits for one event at the path or under it. `GET` waits for
 * the next; `POST` with `index=N` takes the first with that index or a higher
 * one, from the history or from the future; `GET` with `?index=N` does the same,
 * because ignoring it would answer another question than the one that was put.
 * With `wait=false` the answer comes at once: an event of the history, or 204.
 *
 * That 204, and the 503 of a server that stops, name in `X-Raft-Index` the index up
 * to which the watch has missed nothing, so that a client need not look back to
 * where it began.
 */
import type { Exchange, Reply, ReplyOrFault } from "../../http/exchange.ts";
import { fault, unavailable } from "../../http/fault.ts";
import { isMultipart, multipartFields, urlencodedFields } from "../../http/form.ts";
import type { BadForm, Fields } from "../../http/form.ts";
import { STOPPING } from "../../http/message.ts";
import { longerThan } from "../../http/path.ts";
import type { Route } from "../../http/router.ts";
import { byteStringOf } from "../../store/byte_string.ts";
import type { Failure } from "../../node/ports.ts";
import type { Service } from "../../service/service.ts";
import type { First, FirstCallbacks } from "../../store/watch/first.ts";
import type { PathView } from "../../store/watch/view.ts";
import { mayWatch } from "../../store/auth/judge.ts";
import { whoAsks } from "../who.ts";
import type { V1 } from "./context.ts";
import { errorReply, failureReply, problemReply } from "./error.ts";
import { parseIndex } from "./number.ts";
import { Outbox } from "./outbox.ts";

const WATCH_FIELDS = new Set(["index", "wait"]);

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
  readonly #waiting = new Set<(reply: ReplyOrFault) => void>();
  readonly #outbox = new Outbox();
  /** What every watch is answered with from now on. */
  #stopping: ReplyOrFault | undefined;

  constructor(v1: V1, limits: WatchLimits) {
    this.#v1 = v1;
    this.#limits = limits;
    // What such a member takes for its events counts for nothing.
    v1.service.node.onRefusal((failure) =>
      this.#refuse(failureReply(failure), failureReply(failure))
    );
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
  stop(): void {
    this.#refuse(STOPPING, { ...STOPPING, headers: { ...STOPPING.headers, ...this.#upTo() } });
  }

  /** `waiting` is for those that have missed nothing by now. */
  #refuse(reply: ReplyOrFault, waiting: ReplyOrFault): void {
    this.#stopping = reply;
    for (const finish of [...this.#waiting]) finish(waiting);
  }

  /** Of a watch that has no event by now. */
  #upTo(): Readonly<Record<string, string>> {
    return { "x-raft-index": String(this.#v1.service.index) };
  }

  #get(exchange: Exchange, path: string, query: string): ReplyOrFault | Promise<ReplyOrFault> {
    if (query === "") {
      return this.#whenAdmitted(exchange, path, () => this.#wait(exchange, path, undefined));
    }
    const fields = urlencodedFields("", query, WATCH_FIELDS);
    if ("cause" in fields) return fault(400, fields.cause);
    return fields.has("index") || fields.has("wait")
      ? this.#from(exchange, path, fields)
      : this.#whenAdmitted(exchange, path, () => this.#wait(exchange, path, undefined));
  }

  #post(exchange: Exchange, path: string, query: string): ReplyOrFault | Promise<ReplyOrFault> {
    if (isMultipart(exchange)) {
      return multipartFields(exchange, query, WATCH_FIELDS)
        .then((fields) => this.#from(exchange, path, fields));
    }
    return this.#from(exchange, path, urlencodedFields(exchange.body, query, WATCH_FIELDS));
  }

  #from(
    exchange: Exchange,
    path: string,
    fields: Fields | BadForm,
  ): ReplyOrFault | Promise<ReplyOrFault> {
    if ("cause" in fields) return fault(400, fields.cause);
    const isPoll = fields.get("wait") === "false";
    const index = isPoll && !fields.has("index") ? 0 : parseIndex(fields.get("index") ?? "");
    if (index === undefined) return errorReply(203, "Watch From Index");
    // As in the original, 0 is no index.
    const since = index === 0 ? undefined : index;
    return this.#whenAdmitted(
      exchange,
      path,
      () => isPoll ? this.#poll(path, since) : this.#wait(exchange, path, since),
    );
  }

  /** Why nothing can be watched at `path`; undefined when it can. */
  #problem(path: string): ReplyOrFault | undefined {
    const { keyBytesMax } = this.#limits;
    if (longerThan(path, keyBytesMax)) {
      return fault(414, `Expected a path of at most ${keyBytesMax} bytes, found a longer one`);
    }
    return this.#stopping;
  }

  /** As soon as it is sure that the client may watch `path`. */
  #whenAdmitted(
    exchange: Exchange,
    path: string,
    watch: () => ReplyOrFault | Promise<ReplyOrFault>,
  ): ReplyOrFault | Promise<ReplyOrFault> {
    const { auth } = this.#v1.service;
    if (!auth.isOn) return watch();
    return new Promise((resolve) => {
      auth.admit(
        whoAsks(exchange),
        (rights) => mayWatch(rights, viewOf(path)),
        (problem) => resolve(problem === undefined ? watch() : problemReply(problem)),
        (failure) => resolve(failureReply(failure)),
      );
    });
  }

  #poll(path: string, since: number | undefined): ReplyOrFault {
    const problem = this.#problem(path);
    if (problem !== undefined) return problem;
    const { service, replies } = this.#v1;
    const first = firstEvent(service, path, since, { onEvent: () => {}, onCleared: () => {} });
    if ("reason" in first) return failureReply(first);
    switch (first.kind) {
      case "cleared":
        return cleared(service);
      case "event":
        return replies.of(first.event);
      case "waiting":
        first.watch.cancel();
        return { status: 204, headers: this.#upTo(), body: "" };
    }
  }

  #wait(
    exchange: Exchange,
    path: string,
    since: number | undefined,
  ): ReplyOrFault | Promise<ReplyOrFault> {
    const { watchesMax } = this.#limits;
    const problem = this.#problem(path);
    if (problem !== undefined) return problem;
    if (this.#waiting.size + this.#outbox.size >= watchesMax) {
      return unavailable(`Expected at most ${watchesMax} waiting watches, try again later`);
    }
    return new Promise((resolve) => this.#watch(exchange, path, since, resolve));
  }

  #watch(
    exchange: Exchange,
    path: string,
    since: number | undefined,
    resolve: (reply: ReplyOrFault) => void,
  ): void {
    const finish = (reply: ReplyOrFault) => {
      if (this.#waiting.delete(finish)) this.#outbox.send(resolve, reply);
    };
    this.#waiting.add(finish);
    const { service, replies } = this.#v1;
    service.operations.watches++;
    const first: First | Failure = firstEvent(service, path, since, {
      onEvent: (event) => finish(replies.of(event)),
      onCleared: () => finish(cleared(service)),
      onAuthChange: service.auth.watchGuard(whoAsks(exchange), viewOf(path), (problem) => {
        if ("watch" in first) first.watch.cancel();
        finish(problemReply(problem));
      }),
    });
    if ("reason" in first) return finish(failureReply(first));
    switch (first.kind) {
      case "cleared":
        return finish(cleared(service));
      case "event":
        return finish(replies.of(first.event));
      case "waiting":
        exchange.onGone(() => {
          first.watch.cancel();
          finish(GONE);
        });
    }
  }
}

function firstEvent(
  service: Service,
  path: string,
  since: number | undefined,
  callbacks: FirstCallbacks,
): First | Failure {
  return service.watchFirst(viewOf(path), since, callbacks);
}

function viewOf(path: string): PathView {
  return { kind: "path", api: "v1", path: byteStringOf(path), recursive: true };
}

function cleared(service: Service): Reply {
  const first = service.clearedOf("path").logIndex + 1;
  return errorReply(401, `The history has no events before index ${first}, watch from there on`);
}
