/**
 * The watches of one client's stream. All of them share its connection: when the client
 * doesn't keep up, all stop being told and read on when it takes more.
 */
import { inLaterTurn } from "../../../base/turns.ts";
import type { Who } from "../../../service/auth/credentials.ts";
import type { Service } from "../../../service/service.ts";
import { mayWatch } from "../../../store/auth/judge.ts";
import type { BidiListener, StreamCall } from "../call.ts";
import { MESSAGE_EXTRA_BYTES, type V3Context } from "../context.ts";
import type { Event as EventMessage } from "../messages/kv.ts";
import type { WatchId } from "../messages/scalars.ts";
import type { Draft } from "../messages/table.ts";
import type { WatchCreateRequest, WatchRequest, WatchResponse } from "../messages/watch.ts";
import { failureStatus, rejectionStatus } from "../refusal.ts";
import { printStatus, STATUS } from "../statuses.ts";
import { whoCalls } from "../waist.ts";
import { fragmentsOf, type SharedEvents, sizeOf } from "./events.ts";
import { isEmptyRange, STEPS_PER_SLICE, viewOf, Watcher, type WatcherOwner } from "./watcher.ts";

const DENIED = printStatus(STATUS.permissionDenied);

/** Of no watch, or of the whole stream. */
const NO_WATCH = -1;

export class WatchStream implements BidiListener<WatchRequest>, WatcherOwner {
  readonly #v3: V3Context;
  readonly #call: StreamCall<WatchResponse>;
  readonly service: Service;
  readonly shared: SharedEvents;
  readonly who: Who;
  readonly #watchers = new Map<WatchId, Watcher>();
  /** Those that began at a revision which was to come. */
  readonly #future = new Set<Watcher>();
  /** Those that have to read, in turns. */
  readonly #behind = new Set<Watcher>();
  /** Those that may have something to tell. */
  #withUntold: Watcher[] = [];
  #nextId = 0;
  #isReading = false;
  /** The client doesn't take what was sent. */
  #isStalled = false;
  /** The client asked how far the stream has come, and some watch was behind. */
  #owesProgress = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** It is being found out whether a watch may begin; answers go out in the order of the requests. */
  #isAdmitting = false;
  readonly #later: WatchRequest[] = [];

  constructor(v3: V3Context, call: StreamCall<WatchResponse>, shared: SharedEvents) {
    this.#v3 = v3;
    this.#call = call;
    this.service = v3.service;
    this.shared = shared;
    this.who = whoCalls(call);
  }

  onMessage(request: WatchRequest): void {
    if (this.#isAdmitting) return void this.#later.push(request);
    this.#tellAll();
    switch (request.kind) {
      case "create":
        return this.#admit(request.value);
      case "cancel":
        return this.#cancel(request.value.watchId);
      case "progress":
        this.#owesProgress = true;
        return this.#payProgress();
      case "none":
    }
  }

  /** The stream goes on: curl closes its half and waits for lines. */
  onHalfClose(): void {}

  onDrain(): void {
    this.#isStalled = false;
    if (!this.#isAdmitting) this.#call.resume();
    this.#readOn();
  }

  onGone(): void {
    clearInterval(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.cancel();
    this.#v3.watches.count -= this.#watchers.size;
    this.#watchers.clear();
    this.#behind.clear();
    this.#future.clear();
    this.#later.length = 0;
  }

  told(watcher: Watcher, events: readonly Draft<EventMessage>[]): void {
    const bytesMax = this.#v3.limits.requestBytesMax + MESSAGE_EXTRA_BYTES;
    watcher.hasSent = true;
    // Not of now: there are clients that go on behind it after a break, and more may be to come.
    const header = this.#v3.headers.at(events.at(-1)!.kv!.modRevision!);
    const watchId = watcher.id;
    if (!watcher.fragments || events.length < 2 || isWithin(events, bytesMax)) {
      return this.#send({ header, watchId, events });
    }
    const parts = fragmentsOf(events, bytesMax);
    for (const [place, part] of parts.entries()) {
      this.#send({ header, watchId, events: part, fragment: place < parts.length - 1 });
    }
  }

  hasUntold(watcher: Watcher): void {
    if (this.#withUntold.push(watcher) === 1) queueMicrotask(() => this.#tellAll());
  }

  behind(watcher: Watcher): void {
    this.#tellAll();
    this.#behind.add(watcher);
    this.#readOn();
  }

  denied(watcher: Watcher): void {
    this.#tellAll();
    this.#drop(watcher);
    this.#send({
      header: this.#v3.headers.now(),
      watchId: watcher.id,
      canceled: true,
      cancelReason: DENIED,
    });
  }

  /** Sends what the entries brought that were applied together. */
  #tellAll(): void {
    if (this.#withUntold.length === 0) return;
    const watchers = this.#withUntold;
    this.#withUntold = [];
    for (const watcher of watchers) watcher.tell();
  }

  #send(response: Draft<WatchResponse>): void {
    if (this.#call.send(response) || this.#isStalled) return;
    this.#isStalled = true;
    this.#call.pause();
    for (const watcher of this.#watchers.values()) {
      watcher.pause();
      this.#behind.add(watcher);
    }
  }

  #admit(request: WatchCreateRequest): void {
    const { auth } = this.service;
    if (!auth.isOn) return this.#create(request);
    this.#isAdmitting = true;
    let isAtOnce = true;
    auth.admit(
      this.who,
      (rights) => mayWatch(rights, viewOf(request)),
      (problem) => {
        this.#isAdmitting = false;
        if (this.#call.isOver) return;
        this.#tellAll();
        if (problem === undefined) this.#create(request);
        else this.#refuse(printStatus(rejectionStatus(problem)));
        if (!isAtOnce) this.#goOn();
      },
      (failure) => this.#call.fail(failureStatus(failure)),
    );
    isAtOnce = false;
    if (this.#isAdmitting) this.#call.pause();
  }

  /** Takes what has come while nobody knew whether a watch may begin. */
  #goOn(): void {
    while (!this.#isAdmitting) {
      const request = this.#later.shift();
      if (request === undefined) break;
      this.onMessage(request);
    }
    if (!this.#isAdmitting && !this.#isStalled) this.#call.resume();
  }

  #refuse(problem: string): void {
    this.#send({
      header: this.#v3.headers.now(),
      watchId: NO_WATCH,
      created: true,
      canceled: true,
      cancelReason: problem,
    });
  }

  #create(request: WatchCreateRequest): void {
    const problem = this.#problemOf(request);
    if (problem !== undefined) return this.#refuse(problem);
    const header = this.#v3.headers.now();
    const watchId = request.watchId === 0 ? this.#freeId() : request.watchId;
    this.#send({ header, watchId, created: true });
    const watcher = new Watcher(this, watchId, request);
    this.#watchers.set(watchId, watcher);
    this.#v3.watches.count++;
    if (watcher.startRevision > this.service.revision) this.#future.add(watcher);
    if (watcher.wantsProgress) this.#startProgress();
    if (this.#isStalled) watcher.pause();
    if (!watcher.isSynced) this.behind(watcher);
  }

  /** Why nothing can be watched, in etcd's words. */
  #problemOf(request: WatchCreateRequest): string | undefined {
    if (isEmptyRange(request)) return "mvcc: watcher range is empty";
    if (request.watchId !== 0 && this.#watchers.has(request.watchId)) {
      return "mvcc: duplicate watch ID provided on the WatchStream";
    }
    const { watches, limits } = this.#v3;
    return watches.count < limits.watchesMax ? undefined : "etcdserver: too many watches";
  }

  #freeId(): WatchId {
    while (this.#watchers.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #cancel(watchId: WatchId): void {
    const watcher = this.#watchers.get(watchId);
    if (watcher === undefined) return;
    this.#drop(watcher);
    this.#send({ header: this.#v3.headers.now(), watchId, canceled: true });
    this.#payProgress();
  }

  #drop(watcher: Watcher): void {
    watcher.cancel();
    this.#v3.watches.count--;
    this.#watchers.delete(watcher.id);
    this.#behind.delete(watcher);
    this.#future.delete(watcher);
  }

  /** Some of what it would see is gone: it can begin again at the first revision that is there. */
  #cleared(watcher: Watcher): void {
    this.#drop(watcher);
    const { compactedRevision } = this.service;
    this.#send({
      header: this.#v3.headers.at(0),
      watchId: watcher.id,
      canceled: true,
      compactRevision: Math.max(compactedRevision, this.service.clearedOf("range").revision + 1),
    });
  }

  /**
   * Lets those that are behind read until the client takes no more: a whole slice a turn, or
   * parts of slices of many that are a little behind.
   */
  #readOn(): void {
    if (this.#isReading || this.#isStalled || this.#behind.size === 0) return;
    this.#isReading = true;
    inLaterTurn(() => {
      this.#isReading = false;
      for (let steps = 0; steps < STEPS_PER_SLICE;) {
        if (this.#call.isOver || this.#isStalled) return;
        const [watcher] = this.#behind;
        if (watcher === undefined) break;
        this.#behind.delete(watcher);
        steps += this.#read(watcher);
      }
      this.#payProgress();
      this.#readOn();
    });
  }

  /** Returns how many steps it took. */
  #read(watcher: Watcher): number {
    const { outcome, steps } = watcher.readSlice();
    if (outcome === "cleared") this.#cleared(watcher);
    // Last in the queue: the others have their turn first.
    else if (!watcher.isSynced) this.#behind.add(watcher);
    return steps;
  }

  /** Tells how far the stream has come, once that means that all up to there was sent. */
  #payProgress(): void {
    this.#tellAll();
    if (!this.#owesProgress || this.#behind.size > 0) return;
    const { revision } = this.service;
    for (const watcher of this.#future) {
      if (watcher.startRevision > revision) return;
      this.#future.delete(watcher);
    }
    this.#owesProgress = false;
    this.#send({ header: this.#v3.headers.now(), watchId: NO_WATCH });
  }

  #startProgress(): void {
    this.#timer ??= setInterval(() => this.#tellProgress(), this.#v3.limits.progressNotifyMs);
  }

  /** To watches that have heard nothing since the last time. */
  #tellProgress(): void {
    this.#tellAll();
    const header = this.#v3.headers.now();
    for (const watcher of this.#watchers.values()) {
      if (!watcher.wantsProgress) continue;
      const isDue = watcher.isSynced && !watcher.hasSent;
      watcher.hasSent = false;
      if (isDue && watcher.startRevision <= this.service.revision) {
        this.#send({ header, watchId: watcher.id });
      }
    }
  }
}

function isWithin(events: readonly Draft<EventMessage>[], bytesMax: number): boolean {
  let size = 0;
  for (const event of events) size += sizeOf(event);
  return size <= bytesMax;
}
