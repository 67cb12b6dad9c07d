/**
 * Requests between nodes without data, on the peer port: who of them founds the cluster of
 * `--initial-cluster`. A node that has data, or is of version 1.0, does not know the path.
 */
import type { ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import {
  type Acceptance,
  type Answer,
  type Ask,
  type Ballot,
  type Choice,
  ROUND_MAX,
} from "../../founding/types.ts";
import { type Forming, idOf, isText, parseForming, printable } from "./join.ts";

/** A question, who asks it, and whom. */
export interface FoundingAsk {
  /** What the node that asks was told to form. */
  readonly from: Forming;
  /** The name of the node that is to answer: it may stand elsewhere. */
  readonly to: string;
  readonly ask: Ask;
}

/** Where a node is asked; by POST. */
export const FOUNDING_PATH = "/peer/founding";

/** The node takes no part in the decision; the message says why. */
export class AbstentionError extends Error {
  override readonly name = "AbstentionError";
}

/** Answers the question in `body` by `answer`, which may reject with an `AbstentionError`. */
export async function replyToFounding(
  body: string,
  answer: (ask: FoundingAsk) => Promise<Answer>,
): Promise<ReplyOrFault> {
  const ask = parseFoundingAsk(body);
  if (ask === undefined) return fault(400, "Expected JSON with a question of who founds a cluster");
  try {
    return { status: 200, body: JSON.stringify(await answer(ask)) };
  } catch (error) {
    if (!(error instanceof AbstentionError)) throw error;
    return fault(409, error.message);
  }
}

/** What is asked, from what another program sent; undefined for anything else. */
export function parseFoundingAsk(body: string): FoundingAsk | undefined {
  const found = objectOf(body);
  const from = parseForming(found.from);
  const ask = askOf(found.ask);
  if (from === undefined || !isText(found.to) || ask === undefined) return undefined;
  return { from, to: printable(found.to), ask };
}

/** Reads what `replyToFounding` answered with status 200. Throws a `SyntaxError` for anything else. */
export function parseFoundingAnswer(body: string): Answer {
  const found = objectOf(body);
  const ballot = ballotOf(found.ballot);
  const answer = ballot && answerOf(found, ballot);
  if (answer === undefined) throw new SyntaxError("Expected an answer to who founds a cluster");
  return answer;
}

function answerOf(found: Record<string, unknown>, ballot: Ballot): Answer | undefined {
  const { kind } = found;
  const from = idOf(found.from);
  if (from === undefined && kind !== "refused") return undefined;
  switch (kind) {
    case "promised": {
      const accepted = acceptanceOf(found.accepted);
      // Half of what was accepted must not count as nothing.
      if (found.accepted !== undefined && accepted === undefined) return undefined;
      return { kind, ballot, from: from!, accepted };
    }
    case "accepted":
      return { kind, ballot, from: from! };
    case "refused": {
      const promised = ballotOf(found.promised);
      if (found.promised !== undefined && promised === undefined) return undefined;
      return { kind, ballot, promised };
    }
    default:
      return undefined;
  }
}

function askOf(value: unknown): Ask | undefined {
  const found = Object(value) as Record<string, unknown>;
  const ballot = ballotOf(found.ballot);
  if (ballot === undefined) return undefined;
  if (found.kind === "prepare") return { kind: "prepare", ballot };
  const choice = choiceOf(found.choice);
  const to = idOf(found.to);
  if (found.kind !== "accept" || choice === undefined || to === undefined) return undefined;
  return { kind: "accept", ballot, choice, to };
}

function acceptanceOf(value: unknown): Acceptance | undefined {
  const found = Object(value) as Record<string, unknown>;
  const ballot = ballotOf(found.ballot);
  const choice = choiceOf(found.choice);
  return ballot && choice && { ballot, choice };
}

function ballotOf(value: unknown): Ballot | undefined {
  const found = Object(value) as Record<string, unknown>;
  const round = idOf(found.round);
  const proposer = idOf(found.proposer);
  if (round === undefined || round > ROUND_MAX || proposer === undefined) return undefined;
  return { round, proposer };
}

function choiceOf(value: unknown): Choice | undefined {
  const found = Object(value) as Record<string, unknown>;
  const clusterId = idOf(found.clusterId);
  const founder = idOf(found.founder);
  if (clusterId === undefined || founder === undefined || !isText(found.name)) return undefined;
  return { clusterId, founder, name: printable(found.name) };
}

function objectOf(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
