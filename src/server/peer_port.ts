/**
 * The peer port: open before there is a member behind it, because the leader
 * calls a newcomer while that one still makes itself ready. Such a call waits.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { FOUNDING_PATH, replyToFounding } from "../api/peer/founding.ts";
import { type Admitting, type Forming, JOIN_PATH, joinRoutes, NO_PLACE } from "../api/peer/join.ts";
import { clusterRoutes } from "../api/v1/cluster.ts";
import { pageProblem } from "../http/cross_site.ts";
import type { ListenAddress } from "../config.ts";
import type { Listener } from "../http/endpoint.ts";
import type { NodeListenOptions } from "../http/node_listener.ts";
import { listenNode } from "../http/node_listener.ts";
import type { Handler } from "../http/exchange.ts";
import { fault, unavailable } from "../http/fault.ts";
import { makeRouter } from "../http/router.ts";
import type { Route } from "../http/router.ts";
import { findNewcomer, sharedUrl } from "../node/membership/plans.ts";
import { isReserved } from "../raft/configuration.ts";
import type { Configuration, Member, MemberId } from "../raft/types.ts";
import { PROTOCOL } from "../transport/handshake.ts";
import type { Founder } from "../member/founder.ts";
import type { RealMember } from "../member/real_member.ts";

export interface PeerPortOptions
  extends Omit<NodeListenOptions, "onUpgrade" | "hostname" | "port"> {
  /** All that are listened on, at least one. */
  readonly addresses: readonly ListenAddress[];
  /** Calls that may wait for the member; others are turned away. */
  readonly waitingMax: number;
  /** What is told of this node until there is a member. */
  readonly resident: {
    readonly memberId: MemberId | undefined;
    readonly session: number;
    readonly forming: Forming | undefined;
  };
  /** This node's part in who founds what it is to form. */
  readonly founder: Founder | undefined;
}

export interface PeerPort {
  /** One for each address. */
  readonly listeners: readonly Listener[];
  /** From here on calls and requests come to `member`, those that waited first; `routes` are served, too. */
  attach(member: RealMember, routes: readonly Route[]): void;
  /** Accepts again after a shortage of descriptors. */
  reopen(): void;
  shutdown(): Promise<void>;
}

interface Call {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Uint8Array;
}

/** Opens the port. Rejects with `ListenError`. */
export async function openPeerPort(options: PeerPortOptions): Promise<PeerPort> {
  let member: RealMember | undefined;
  let handle = starting(options);
  let waiting: Call[] = [];
  const onUpgrade = (request: IncomingMessage, socket: Socket, head: Uint8Array) => {
    if (member !== undefined) return member.transport.handleUpgrade(request, socket, head);
    // A caller that leaves is seen by "close"; without a listener it would end the process.
    socket.on("error", () => {});
    if (waiting.length < options.waitingMax) waiting.push({ request, socket, head });
    else socket.destroy();
  };
  const listeners = await listenAll({ ...options, onUpgrade }, (exchange) => {
    // Whoever may join gets a copy of everything.
    const problem = exchange.method === "GET" ? undefined : pageProblem(exchange);
    return problem === undefined ? handle(exchange) : fault(403, problem);
  });
  return {
    listeners,
    attach: (attached, routes) => {
      member = attached;
      handle = makeRouter([
        ...joinRoutes(admitting(attached, options.resident.session), PROTOCOL),
        ...clusterRoutes(attached.service),
        ...routes,
      ], JOIN_PATH);
      for (const { request, socket, head } of waiting) {
        if (!socket.destroyed) attached.transport.handleUpgrade(request, socket, head);
      }
      waiting = [];
    },
    reopen: () => listeners.forEach((listener) => listener.reopen?.()),
    shutdown: async () => {
      for (const { socket } of waiting) socket.destroy();
      await Promise.all(listeners.map((listener) => listener.shutdown()));
    },
  };
}

/** Whoever asks who is here may be this very node, or one with a copy of its directory. */
function starting({ resident, founder }: PeerPortOptions): Handler {
  const isStarting = unavailable("The node is starting");
  const { forming: founding, ...rest } = resident;
  const body = JSON.stringify({ cause: isStarting.problem, ...rest, founding });
  return ({ method, target, body: asked }) => {
    if (founder !== undefined && target === FOUNDING_PATH && method === "POST") {
      return replyToFounding(asked, (ask) => founder.answer(ask));
    }
    return target.startsWith(JOIN_PATH) ? { status: isStarting.status, body } : isStarting;
  };
}

function admitting({ node, transport }: RealMember, session: number): Admitting {
  return {
    clusterId: node.clusterId,
    memberId: node.self,
    session,
    join: (newcomer, onlyPlace, done) => {
      if (!onlyPlace) return node.join(newcomer, done);
      // What this member knows may be older than what was promised to somebody.
      node.barrier((outcome) => {
        if (!outcome.ok) done(outcome);
        else if (hasPlaceFor(node.configuration(), newcomer)) node.join(newcomer, done);
        else done({ ok: false, reason: "refused", cause: NO_PLACE });
      });
    },
    problemOf: (id) =>
      node.configuration().members.some((one) => one.id === id)
        ? transport.problemOf(id)
        : "The member there does not know this node",
  };
}

/** Whether a place is reserved for `newcomer`, or was given to it when it asked before. */
function hasPlaceFor(configuration: Configuration, newcomer: Omit<Member, "voter">): boolean {
  return findNewcomer(configuration, newcomer.id) !== undefined ||
    configuration.members.some((member) =>
      isReserved(member) && sharedUrl(member, newcomer) !== undefined
    );
}

/** Opens all addresses, or none of them. */
async function listenAll(
  options: PeerPortOptions & Pick<NodeListenOptions, "onUpgrade">,
  handler: Handler,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const { host, port, path } of options.addresses) {
      const at = { hostname: host, port, ...(path && { path }) };
      listeners.push(await listenNode({ ...options, ...at }, handler));
    }
    return listeners;
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.shutdown()));
    throw error;
  }
}
