/**
 * The way to one peer: dials it, keeps the stream, dials again with growing
 * pauses when it is lost. Says each change once, not each attempt.
 */
import type { Logger } from "../base/logger.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../node/ports.ts";
import type { MemberId } from "../raft/types.ts";
import type { PeerCounters } from "./counters.ts";
import { dial, RefusedError } from "./dial.ts";
import { formatId } from "../base/ids.ts";
import type { Hello } from "./handshake.ts";
import { PeerError } from "./peer_error.ts";
import type { PeerTls } from "./peer_http.ts";
import { SendStream } from "./send_stream.ts";

/** A member to dial. */
export interface Peer {
  readonly id: MemberId;
  /** The peer URL to try first. */
  readonly url: string;
  /** Further URLs of the same member; each failed attempt moves on to the next. */
  readonly otherUrls?: readonly string[];
}

/** All URLs of a member, in the order in which they are tried. */
export function urlsOf({ url, otherUrls = [] }: Peer): readonly string[] {
  return [url, ...otherUrls];
}

export interface LinkLimits {
  /** Bytes that may wait for one peer, its socket's buffer included. */
  readonly queueBytesMax: number;
  /** Connect, TLS and the answer to the upgrade together. */
  readonly handshakeTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** Silence after which a connection counts as dead; several ping intervals. */
  readonly silenceMsMax: number;
  /** How long a closing stream may take to deliver what is queued. */
  readonly drainMsMax: number;
}

export interface LinkOptions {
  readonly hello: () => Hello;
  readonly tls: (() => PeerTls) | undefined;
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: PeerCounters;
  readonly onUp: () => void;
  readonly onDown: () => void;
  readonly onRefused: (refused: RefusedError) => void;
}

export class PeerLink {
  readonly peer: Peer;
  readonly #urls: readonly string[];
  readonly #options: LinkOptions;
  readonly #giveUp = new AbortController();
  readonly #done: Promise<void>;
  #stream: SendStream | undefined;
  /** The process that answered the last dial. */
  #session: number | undefined;
  #endPause: (() => void) | undefined;
  #shortenPause: (() => void) | undefined;
  /** Attempts since the last stream that lasted. */
  #attempts = 0;
  #lastProblem: string | undefined;
  /** Of `#urls`, the one that is dialled. */
  #at = 0;

  constructor(peer: Peer, options: LinkOptions) {
    this.peer = peer;
    this.#urls = urlsOf(peer);
    this.#options = options;
    this.#done = this.#run();
  }

  get #url(): string {
    return this.#urls[this.#at] ?? this.peer.url;
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  /** Why it could not be reached at the last attempt; undefined once it was. */
  get problem(): string | undefined {
    return this.#lastProblem;
  }

  get queueBytes(): number {
    return this.#stream?.waitingBytes ?? 0;
  }

  /** Never throws: what cannot be queued is dropped and counted, and false. */
  send(frame: Uint8Array): boolean {
    const isQueued = this.#stream?.send(frame) === true;
    if (!isQueued) this.#options.counters.dropped++;
    return isQueued;
  }

  /**
   * The peer was just heard of: if it could not be reached, tries again at once.
   * After a stream that was lost the least pause remains, or two members that end
   * each other's streams would dial at full speed.
   */
  dialNow(): void {
    if (this.#lastProblem !== undefined) this.#endPause?.();
    else this.#shortenPause?.();
  }

  /** Keeps the stream only if `session` is at its other end, the process that is heard. */
  keepOnlyTo(session: number): void {
    if (this.#session === session) return;
    this.#stream?.destroy("Another process than the one that is heard is there");
  }

  tick(): void {
    this.#stream?.tick();
  }

  forgive(): void {
    this.#stream?.forgive();
  }

  /** Delivers what is queued, within `drainMsMax`, and releases everything. */
  async close(): Promise<void> {
    this.#giveUp.abort();
    this.#endPause?.();
    const stream = this.#stream;
    if (stream !== undefined) this.#setDown();
    stream?.end();
    const timer = setTimeout(
      () => stream?.destroy("The peer was too slow"),
      this.#options.limits.drainMsMax,
    );
    await this.#done;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    const { signal } = this.#giveUp;
    while (!signal.aborted) {
      const stream = await this.#open();
      if (stream !== undefined) await this.#keep(stream);
      else this.#at = (this.#at + 1) % this.#urls.length;
      if (!signal.aborted) await this.#pause();
    }
  }

  /** One attempt; undefined when it failed, which has been said then. */
  async #open(): Promise<SendStream | undefined> {
    const { hello, tls, limits, clock, counters } = this.#options;
    const { signal } = this.#giveUp;
    try {
      const timeoutMs = limits.handshakeTimeoutMs;
      const dialled = await dial({
        url: this.#url,
        hello: hello(),
        tls: tls?.(),
        timeoutMs,
        signal,
      });
      this.#session = dialled.session;
      const { queueBytesMax, silenceMsMax } = limits;
      return new SendStream(dialled, { queueBytesMax, silenceMsMax, clock, counters });
    } catch (error) {
      if (error instanceof RefusedError) {
        this.#complain(error.message);
        if (!signal.aborted) this.#options.onRefused(error);
      } else if (error instanceof PeerError) {
        if (error.kind !== "aborted") this.#complain(error.message);
      } else throw error;
      return undefined;
    }
  }

  /** Resolves when the stream is lost or was closed. */
  async #keep(stream: SendStream): Promise<void> {
    const { clock, limits, onUp } = this.#options;
    if (this.#giveUp.signal.aborted) {
      stream.destroy("Closed by this member");
      await stream.closed;
      return;
    }
    const sinceMs = clock.monotonicMs();
    this.#stream = stream;
    this.#lastProblem = undefined;
    this.#log("info", "Connected to a peer");
    onUp();
    const reason = await stream.closed;
    // A peer that accepts and closes at once must not be dialled at full speed.
    if (clock.monotonicMs() - sinceMs >= limits.reconnectMaxMs) this.#attempts = 0;
    if (this.#giveUp.signal.aborted) return;
    this.#log("warn", "Lost a peer", reason);
    this.#setDown();
  }

  /** When a link is closed this comes first, so that it never follows the "up" of its successor. */
  #setDown(): void {
    this.#stream = undefined;
    this.#options.onDown();
  }

  /** Between the least pause and one that doubles with every attempt, up to the greatest. */
  #pause(): Promise<void> {
    const { limits, random, clock } = this.#options;
    const { reconnectMinMs, reconnectMaxMs } = limits;
    this.#attempts++;
    const ceilingMs = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** this.#attempts);
    const pauseMs = reconnectMinMs + random() * (ceilingMs - reconnectMinMs);
    const leastMs = clock.monotonicMs() + reconnectMinMs;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#endPause = undefined;
        this.#shortenPause = undefined;
        resolve();
      };
      let timer = setTimeout(end, pauseMs);
      this.#endPause = end;
      this.#shortenPause = () => {
        clearTimeout(timer);
        timer = setTimeout(end, Math.max(0, leastMs - clock.monotonicMs()));
      };
    });
  }

  #complain(problem: string): void {
    if (problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    this.#log("warn", "Cannot reach a peer", problem);
  }

  #log(level: "debug" | "info" | "warn", message: string, cause?: string): void {
    const fields = { peer: formatId(this.peer.id), url: this.#url };
    this.#options.logger[level](message, cause === undefined ? fields : { ...fields, cause });
  }
}
