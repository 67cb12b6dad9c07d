/** What blank nodes say to each other to decide who founds their cluster, and what each keeps of it. */
import type { MemberId } from "../raft/types.ts";

/** One attempt of one proposer. Later ones have larger rounds; no two have the same ballot. */
export interface Ballot {
  /** From 1 to `ROUND_MAX`. */
  readonly round: number;
  /** The incarnation that proposes. */
  readonly proposer: MemberId;
}

/** Honest nodes count up by ones; a number that nobody can exceed would stop them for ever. */
export const ROUND_MAX = 2 ** 32 - 1;

/** What is decided. */
export interface Choice {
  /** Of the cluster that is to be. */
  readonly clusterId: number;
  /** The incarnation that founds it, and nobody else ever does. */
  readonly founder: MemberId;
  /** The founder's name, for people. */
  readonly name: string;
}

/** A choice that was accepted under a ballot. */
export interface Acceptance {
  readonly ballot: Ballot;
  readonly choice: Choice;
}

/** What a node has bound itself to; on disk before anybody is told. */
export interface Pledge {
  /** It takes part in no lower ballot. */
  readonly promised: Ballot;
  /** The last that it has accepted. */
  readonly accepted: Acceptance | undefined;
}

/** From a proposer to one of those named. */
export type Ask =
  | { readonly kind: "prepare"; readonly ballot: Ballot }
  | {
    readonly kind: "accept";
    readonly ballot: Ballot;
    readonly choice: Choice;
    /** The incarnation that promised: a wiped node has not. */
    readonly to: MemberId;
  };

/** To the proposer, about the ballot of its question. */
export type Answer =
  | {
    readonly kind: "promised";
    readonly ballot: Ballot;
    /** The incarnation that answers. */
    readonly from: MemberId;
    readonly accepted: Acceptance | undefined;
  }
  | { readonly kind: "accepted"; readonly ballot: Ballot; readonly from: MemberId }
  | {
    readonly kind: "refused";
    readonly ballot: Ballot;
    /** What stands in its way; undefined when the question was for an incarnation whose directory is gone. */
    readonly promised: Ballot | undefined;
  };

/** Negative when `one` is lower than `other`, 0 when they are the same. */
export function compareBallots(one: Ballot, other: Ballot): number {
  return one.round - other.round || one.proposer - other.proposer;
}
