/** What is counted of a peer while it is known, across its streams. */
export interface PeerCounters {
  /** Bytes handed to the socket, headers of frames included. */
  sentBytes: number;
  receivedBytes: number;
  /** Frames that were not sent: no stream, or no room in the queue. */
  dropped: number;
  /** Monotonic time at which anything last came from the peer. */
  lastHeardMs: number | undefined;
  /** Of the last ping that was answered. */
  roundTripMs: number | undefined;
}

/** All zero: nothing sent, nothing heard yet. */
export function newCounters(): PeerCounters {
  return {
    sentBytes: 0,
    receivedBytes: 0,
    dropped: 0,
    lastHeardMs: undefined,
    roundTripMs: undefined,
  };
}
