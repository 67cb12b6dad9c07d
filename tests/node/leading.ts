/** The calls and the membership of a leader, over a core whose peers are what a test says. */
import { Calls } from "../../src/node/calls/calls.ts";
import { CallDesk, type CallHandler } from "../../src/node/calls/desk.ts";
import {
  Administration,
  type Moved,
  type WishKind,
} from "../../src/node/membership/administration.ts";
import { Liveness } from "../../src/node/membership/liveness.ts";
import type { Call, PeerMessage } from "../../src/node/calls/peer_message.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { PeerProgress } from "../../src/raft/options.ts";
import type { Configuration, Role } from "../../src/raft/types.ts";

export const HEARTBEAT_TICKS = 2;

export function member(id: number, voter: boolean) {
  return {
    id,
    name: `n${id}`,
    peerUrls: [`http://n${id}:7001`],
    clientUrls: [`http://n${id}:4001`],
    voter,
  };
}

/** Member 1 leads the others that are given, which are even with it and were heard just now. */
export function leading(...others: ReturnType<typeof member>[]) {
  return leadingWith({}, ...others);
}

/** The same, with what the process found of the log at its start: `lastIndex`. */
export function leadingWith(
  { lastIndex = 0 }: { readonly lastIndex?: number },
  ...others: ReturnType<typeof member>[]
) {
  const configuration: Configuration = { members: [member(1, true), ...others], removed: [] };
  const proposed: Configuration[] = [];
  const core = {
    id: 1,
    role: "leader" as Role,
    leader: 1,
    commitIndex: 0,
    lastIndex,
    savedIndex: 1_000_000,
    appliedIndex: 1,
    configurationIndex: 1,
    configuration,
    committedConfiguration: configuration,
    match: 0,
    state: "replicate" as PeerProgress["state"],
    ticksSinceHeard: 0,
    hasAnswered: true,
    progress: () =>
      others.map(({ id }) => ({
        id,
        match: core.match,
        next: core.match + 1,
        state: core.state,
        recentActive: true,
        ticksSinceHeard: core.ticksSinceHeard,
        hasAnswered: core.hasAnswered,
      })),
    proposeConfiguration: (next: Configuration) => {
      proposed.push(next);
      return { ok: true, index: 2 };
    },
  };
  /** Who called from another address. */
  const moved: Moved[] = [];
  const sent: PeerMessage[] = [];
  /** What a forwarded request is answered; undefined: this member leads no longer. */
  const handled: { reply: Uint8Array | undefined } = { reply: new Uint8Array(0) };
  let tick = 0;
  const nothing = () => {};
  const limits = { electionTicks: 10, heartbeatTicks: HEARTBEAT_TICKS };
  const calls = new Calls({
    session: 1,
    pendingMax: 10,
    graceTicks: limits.electionTicks,
    repeatTicks: 5,
    send: (_, message) => sent.push(message) > 0,
  });
  const administration = new Administration({
    core: core as Partial<RaftCore> as RaftCore,
    liveness: new Liveness(core as Partial<RaftCore> as RaftCore, limits),
    membersMax: 9,
    learnersMax: 1,
    isStrict: true,
    random: () => 0.5,
    announced: member(1, true),
    moved: () => moved,
    hasLeader: () => core.leader !== 0,
    call: (kind, payload, deadline, done) =>
      calls.start(kind, payload, core.leader, deadline, done),
    schedule: nothing,
    now: () => tick,
    deadline: () => tick + 50,
    handOver: () => false,
  });
  const wish = (kind: WishKind): CallHandler => (payload, reply) =>
    administration.asked(kind, payload, reply);
  const desk = new CallDesk({
    leads: () => core.role === "leader",
    send: (_, message) => sent.push(message),
    handlers: {
      request: (_, reply) => reply(handled.reply),
      barrier: nothing,
      join: wish("join"),
      remove: wish("remove"),
      announce: wish("announce"),
      change: wish("change"),
    },
  });
  const service = {
    called: (from: number, call: Call) => desk.called(from, call),
    tick: (tick: number) => {
      administration.changes.expire(tick);
      calls.tick(tick, core.leader);
      if (tick % HEARTBEAT_TICKS === 0) administration.heartbeat();
    },
    run: () => administration.run(),
  };
  /** A heartbeat's time goes by. */
  const heartbeat = () => {
    for (let i = 0; i < HEARTBEAT_TICKS; i++) service.tick(++tick);
    service.run();
  };
  return { core, calls, service, heartbeat, proposed, moved, sent, handled };
}
