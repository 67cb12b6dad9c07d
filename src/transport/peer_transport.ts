/**
 * Moves frames between members: one stream to every peer that this member
 * dials, one from every peer that dials it. Frames of a stream arrive whole and
 * in order; any of them may be lost with its stream, which Raft expects. Knows
 * nothing of what frames mean, nor of who is a member: `admit` judges that.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random, Transport } from "../node/ports.ts";
import type { MemberId } from "../raft/types.ts";
import { certificateProblem } from "./certificate.ts";
import type { RefusedError } from "./dial.ts";
import { newCounters, type PeerCounters, type RoundTrips } from "./counters.ts";
import { FRAME_HEADER_BYTES } from "./frame.ts";
import { formatId } from "../base/ids.ts";
import { hasSameItems } from "../base/sequences.ts";
import { RepeatFilter } from "../base/repeat_filter.ts";
import {
  acceptance,
  type Admission,
  type Hello,
  judgeAddress,
  judgeRival,
  parseHello,
  type Refusal,
  refusalResponse,
  refusalStatus,
  refuse,
  STREAM_PATH,
} from "./handshake.ts";
import { type LinkLimits, type Peer, PeerLink, urlsOf } from "./peer_link.ts";
import type { PeerTls } from "./peer_http.ts";
import { ReceiveStream } from "./receive_stream.ts";

export interface TransportLimits extends LinkLimits {
  /** Longest frame that is sent or taken, without its header. */
  readonly frameBytesMax: number;
  /** Idle or not, every stream is pinged so often. */
  readonly pingIntervalMs: number;
  /** Streams that are taken from peers at once. */
  readonly acceptedMax: number;
}

export interface PeerTransportOptions {
  readonly self: MemberId;
  readonly clusterId: number;
  /** Of this process, unlike that of any other. */
  readonly session: number;
  /** `-n` */
  readonly name: string;
  /** Product version. */
  readonly version: string;
  /** The advertised peer URL, asked for at every handshake. */
  readonly selfUrl: () => string;
  /** Present: every peer is dialled by TLS, and must present a certificate of its `ca`. Asked at every dial and call. */
  readonly tls?: () => PeerTls;
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /**
   * Takes a frame; it may be kept, it is never written again. An error closes
   * the stream as the peer's fault, an `InvariantError` passes through.
   */
  readonly receive: (from: MemberId, frame: Uint8Array) => void;
  /** The node's judgement on a caller of this cluster; let in only if it `isExpected` here, and wants no other incarnation. */
  readonly admit: (hello: Hello, isExpected: boolean) => Admission;
  /** The stream to `id`, on which this member sends, opened or was lost. */
  readonly onConnection?: (id: MemberId, state: "up" | "down") => void;
  /** `id` does not want this member; called at every attempt. */
  readonly onRefused?: (id: MemberId, refused: RefusedError) => void;
}

export interface PeerStats {
  readonly id: MemberId;
  /** The stream to the peer is open. */
  readonly connected: boolean;
  /** Bytes, frame headers included, since the peer became known. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Frames that were queued for the stream, and those that were not. */
  readonly sent: number;
  readonly dropped: number;
  /** Bytes that wait to be sent, the socket's buffer included. */
  readonly queueBytes: number;
  /** Monotonic time at which anything last came from the peer. */
  readonly lastHeardMs: number | undefined;
  readonly roundTripMs: number | undefined;
  /** Grows on. */
  readonly roundTrips: RoundTrips;
}

/** A stream that a peer dialled, and how it introduced itself. */
interface Accepted {
  readonly stream: ReceiveStream;
  readonly hello: Hello;
}

export class PeerTransport implements Transport {
  readonly #options: PeerTransportOptions;
  readonly #links = new Map<MemberId, PeerLink>();
  readonly #accepted = new Map<MemberId, Accepted>();
  readonly #counters = new Map<MemberId, PeerCounters>();
  /** Links and streams on their way out. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #complaints: RepeatFilter;
  readonly #timer: ReturnType<typeof setInterval>;
  #lastTickMs: number;
  #closing = false;

  constructor(options: PeerTransportOptions) {
    const { limits, clock } = options;
    assert(
      limits.queueBytesMax >= limits.frameBytesMax + FRAME_HEADER_BYTES,
      "The longest frame must fit into the queue of a peer",
    );
    assert(
      limits.pingIntervalMs < limits.silenceMsMax,
      "Pings must come within the silence allowed",
    );
    this.#options = options;
    this.#complaints = new RepeatFilter(clock);
    this.#lastTickMs = clock.monotonicMs();
    this.#timer = setInterval(() => this.#tick(), limits.pingIntervalMs);
  }

  /**
   * The members now, this one included or not. New ones are dialled, those gone
   * are let go once they have what is queued, a new URL is dialled instead of
   * the old one.
   */
  setPeers(peers: readonly Peer[]): void {
    if (this.#closing) return;
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    wanted.delete(this.#options.self);
    for (const [id, link] of this.#links) {
      const peer = wanted.get(id);
      if (peer !== undefined && hasSameItems(urlsOf(peer), urlsOf(link.peer))) continue;
      this.#links.delete(id);
      this.#awaitLeaving(link.close());
      if (peer !== undefined) continue;
      this.#accepted.get(id)?.stream.destroy("The peer is no longer a member");
      this.#forget(id);
    }
    for (const peer of wanted.values()) {
      if (!this.#links.has(peer.id)) this.#links.set(peer.id, this.#link(peer));
    }
  }

  /**
   * Queues a frame for `to`; it must not change after this call. Frames of one
   * turn leave in one write. False, and dropped, when there is no stream or no room.
   */
  send(to: MemberId, frame: Uint8Array): boolean {
    const { limits, logger } = this.#options;
    if (frame.length === 0 || frame.length > limits.frameBytesMax) {
      const message =
        `Dropped a frame of ${frame.length} bytes, expected 1 to ${limits.frameBytesMax}`;
      if (this.#complaints.isNews(message)) logger.error(message, { peer: formatId(to) });
      return false;
    }
    return this.#links.get(to)?.send(frame) ?? false;
  }

  /** Takes over an HTTP Upgrade request of the peer port: opens a stream or answers why not. */
  handleUpgrade(request: IncomingMessage, socket: Socket, head: Uint8Array): void {
    // A caller that leaves is seen by "close"; without a listener it would end the process.
    socket.on("error", () => {});
    const judgement = this.#judge(request, socket);
    if (judgement.ok) this.#accept(judgement.hello, socket, head);
    else this.#refuse(judgement, socket);
  }

  /** Whether `id` has a stream open to this member. */
  hears(id: MemberId): boolean {
    return this.#accepted.has(id);
  }

  /** Why `id` could not be reached at the last attempt; undefined when it was, or is not dialled. */
  problemOf(id: MemberId): string | undefined {
    return this.#links.get(id)?.problem;
  }

  /** One record for each peer that is dialled or has dialled. */
  stats(): PeerStats[] {
    return [...this.#counters].map(([id, counters]) => {
      const link = this.#links.get(id);
      return {
        id,
        connected: link?.connected ?? false,
        queueBytes: link?.queueBytes ?? 0,
        ...counters,
      };
    });
  }

  /** Delivers what is queued, within `drainMsMax`; resolves when no socket and no timer is left. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    for (const link of this.#links.values()) this.#awaitLeaving(link.close());
    for (const { stream } of this.#accepted.values()) stream.destroy("Closed by this member");
    while (this.#leaving.size > 0) await Promise.all(this.#leaving);
  }

  #link(peer: Peer): PeerLink {
    const { limits, clock, random, logger, onConnection, onRefused } = this.#options;
    const { id } = peer;
    return new PeerLink(peer, {
      hello: () => this.#hello(id),
      tls: this.#options.tls,
      limits,
      clock,
      random,
      logger,
      counters: this.#countersOf(id),
      onUp: () => {
        onConnection?.(id, "up");
        this.#agree(id);
      },
      onDown: () => onConnection?.(id, "down"),
      onRefused: (refused) => onRefused?.(id, refused),
    });
  }

  #hello(to: MemberId): Hello {
    const { self, clusterId, session, name, selfUrl, version } = this.#options;
    return { clusterId, from: self, session, to, name, url: selfUrl(), version };
  }

  #judge(
    request: IncomingMessage,
    socket: Socket,
  ): { readonly ok: true; readonly hello: Hello } | Refusal {
    const { self, clusterId, limits, tls, admit } = this.#options;
    if (this.#closing) return refuse(refusalStatus.unavailable, "This member is stopping");
    if (request.method !== "GET" || request.url !== STREAM_PATH) {
      return refuse(refusalStatus.notFound, `Expected an upgrade of "GET ${STREAM_PATH}"`);
    }
    const parsed = parseHello((name) => {
      const value = request.headers[name];
      return typeof value === "string" ? value : undefined;
    }, tls !== undefined);
    if (!parsed.ok) return parsed;
    const { hello } = parsed;
    const problem = tls?.().ca === undefined ? undefined : certificateProblem(socket, hello.url);
    if (problem !== undefined) return refuse(refusalStatus.certificate, problem);
    if (this.#accepted.size >= limits.acceptedMax && !this.#accepted.has(hello.from)) {
      const reason = `This member takes at most ${limits.acceptedMax} streams`;
      return refuse(refusalStatus.unavailable, reason);
    }
    const address = judgeAddress(hello, self, clusterId);
    if (!address.ok && address.status !== refusalStatus.wrongReceiver) return address;
    const rival = judgeRival(hello, this.#accepted.get(hello.from)?.hello);
    if (!rival.ok) return rival;
    // A member that was removed may know of nobody but incarnations that are gone.
    const admission = admit(hello, address.ok);
    if (!admission.ok) return admission;
    return address.ok ? parsed : address;
  }

  #accept(hello: Hello, socket: Socket, head: Uint8Array): void {
    const { self, clusterId, session, limits, clock, logger, receive } = this.#options;
    const { from } = hello;
    const peer = { peer: formatId(from), name: hello.name, url: hello.url, version: hello.version };
    const stream = new ReceiveStream(socket, {
      frameBytesMax: limits.frameBytesMax,
      silenceMsMax: limits.silenceMsMax,
      clock,
      counters: this.#countersOf(from),
      receive: (frame) => receive(from, frame),
      onClose: (reason, fault) => {
        if (this.#accepted.get(from)?.stream === stream) this.#accepted.delete(from);
        this.#forget(from);
        const news = fault && this.#complaints.isNews(`${from} ${reason}`);
        logger[news ? "warn" : "debug"]("A peer's stream ended", { ...peer, cause: reason });
      },
    });
    // The newest stream wins: the older one may be dead without knowing it.
    this.#accepted.get(from)?.stream.destroy("The peer opened a newer stream");
    this.#accepted.set(from, { stream, hello });
    this.#awaitLeaving(stream.closed);
    logger.debug("A peer opened its stream", peer);
    socket.write(acceptance(clusterId, self, session));
    this.#agree(from);
    this.#links.get(from)?.dialNow();
    if (head.length > 0) stream.read(head);
  }

  /** What one process is sent, no other one may answer. */
  #agree(id: MemberId): void {
    const heard = this.#accepted.get(id)?.hello.session;
    if (heard !== undefined) this.#links.get(id)?.keepOnlyTo(heard);
  }

  #refuse(refusal: Refusal, socket: Socket): void {
    const { clusterId, logger } = this.#options;
    const caller = socket.remoteAddress ?? "";
    const news = this.#complaints.isNews(`${caller} ${refusal.reason}`);
    const level = refusal.status === refusalStatus.duplicate ? "error" : "warn";
    logger[news ? level : "debug"]("Refused a peer's stream", { caller, cause: refusal.reason });
    this.#awaitLeaving(new Promise((resolve) => socket.on("close", () => resolve())));
    socket.end(refusalResponse(refusal, clusterId), () => socket.destroy());
  }

  /** Finds dead connections and asks the others for a sign of life. */
  #tick(): void {
    const { clock, limits } = this.#options;
    const now = clock.monotonicMs();
    // A late tick shows that this process slept, not that its peers did: what
    // they sent meanwhile has not been read yet.
    const slept = now - this.#lastTickMs > 2 * limits.pingIntervalMs;
    this.#lastTickMs = now;
    const accepted = [...this.#accepted.values()].map(({ stream }) => stream);
    for (const stream of [...this.#links.values(), ...accepted]) {
      if (slept) stream.forgive();
      stream.tick();
    }
  }

  #countersOf(id: MemberId): PeerCounters {
    const known = this.#counters.get(id);
    if (known !== undefined) return known;
    const counters = newCounters();
    this.#counters.set(id, counters);
    return counters;
  }

  /** Drops the counters of a peer that neither is dialled nor has dialled. */
  #forget(id: MemberId): void {
    if (!this.#links.has(id) && !this.#accepted.has(id)) this.#counters.delete(id);
  }

  #awaitLeaving(leaving: Promise<void>): void {
    this.#leaving.add(leaving);
    leaving.then(() => this.#leaving.delete(leaving));
  }
}
