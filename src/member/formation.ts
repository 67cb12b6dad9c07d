/**
 * How the members that `--initial-cluster` names form one cluster, in whatever order
 * they start. Each asks at the addresses of the others who is there. A cluster that is
 * alive is entered, never doubled. Where there is none, and a majority of those named are
 * there without data, they decide who founds it (`founding/`), the first by name if it is
 * there. The founder's first configuration has a place for each of the others, by their
 * addresses; whoever is wiped later finds its place taken.
 */
import type { Forming, Resident } from "../api/peer/join.ts";
import { messageOf } from "../base/errors.ts";
import { formatId } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import type { InitialMember } from "../config.ts";
import type { Outcome } from "../founding/core.ts";
import type { Turn } from "../founding/turn.ts";
import type { Choice } from "../founding/types.ts";
import { quorumSize } from "../raft/quorum.ts";
import type { MemberId } from "../raft/types.ts";

/** What one look at the addresses of a member has shown. */
export type Sighting =
  | { readonly kind: "cluster"; readonly clusterId: number }
  /** It has no data and forms a cluster, too. */
  | { readonly kind: "blank"; readonly forming: Forming; readonly memberId: MemberId | undefined }
  /** It starts with data of its own, or it was told to join by other flags. */
  | { readonly kind: "busy" }
  | { readonly kind: "silent"; readonly cause: string };

/** What to do after a look at all others. */
export type Verdict =
  /** A majority is there without data: who founds can be decided. */
  | { readonly kind: "decide" }
  /** Ask one of these to be let in. */
  | { readonly kind: "enter"; readonly clusterId: number; readonly urls: readonly string[] }
  | { readonly kind: "wait"; readonly cause: string }
  | { readonly kind: "refuse"; readonly cause: string };

/** The cluster that flags name can't come to be; the message says why. */
export class FormationError extends Error {
  override readonly name = "FormationError";
}

/** `seen` has the others by name. */
export function judge(own: Forming, seen: ReadonlyMap<string, Sighting>): Verdict {
  const living = clusterSeen(own, seen);
  if (living !== undefined) return living;
  const blanks = [...seen].flatMap(([name, sighting]) =>
    sighting.kind === "blank" ? [{ name, forming: sighting.forming }] : []
  );
  for (const { name, forming } of blanks) {
    const cause = disagreement(own, name, forming);
    if (cause !== undefined) return { kind: "refuse", cause };
  }
  const { length } = own.members;
  const quorum = quorumSize(length);
  const missing = [...seen].filter(([, { kind }]) => kind !== "blank")
    .map(([name, sighting]) => `"${name}" ${stateOf(sighting)}`).join(", ");
  if (blanks.length + 1 < quorum) {
    return { kind: "wait", cause: `${quorum} of ${length} must be there: ${missing}` };
  }
  return { kind: "decide" };
}

function clusterSeen(own: Forming, seen: ReadonlyMap<string, Sighting>): Verdict | undefined {
  const clusters = [...seen].flatMap(([name, sighting]) =>
    sighting.kind === "cluster" ? [{ name, clusterId: sighting.clusterId }] : []
  );
  const [first] = clusters;
  if (first === undefined) return undefined;
  const { clusterId } = first;
  const other = clusters.find((one) => one.clusterId !== clusterId);
  if (other !== undefined) {
    return {
      kind: "refuse",
      cause: `"${first.name}" is of cluster ${formatId(clusterId)} and "${other.name}" of ` +
        `cluster ${formatId(other.clusterId)}: name the members of one cluster`,
    };
  }
  const urls = clusters.flatMap(({ name }) =>
    own.members.find((member) => member.name === name)?.peerUrls ?? []
  );
  return { kind: "enter", clusterId, urls };
}

/** In what another node was told otherwise. */
export function disagreement(own: Forming, name: string, other: Forming): string | undefined {
  if (other.token !== own.token) {
    return `"${name}" has --initial-cluster-token "${other.token}", and this node "${own.token}": ` +
      "give all members of a cluster one token of its own";
  }
  const [mine, theirs] = [textOf(own.members), textOf(other.members)];
  if (mine !== theirs) {
    return `"${name}" was told the members "${theirs}", and this node "${mine}": give all members of ` +
      "a cluster the same list, or one place where they find it";
  }
  if (other.name === name) return undefined;
  return `at the address of "${name}" is a node named "${other.name}": let its --name and ` +
    "--initial-cluster say the same";
}

function textOf(members: readonly InitialMember[]): string {
  return members.flatMap(({ name, peerUrls }) => peerUrls.map((url) => `${name}=${url}`))
    .sort().join(",");
}

function stateOf(sighting: Sighting): string {
  switch (sighting.kind) {
    case "busy":
      return "is there and does not form a cluster";
    case "silent":
      return `can't be reached (${sighting.cause})`;
    case "blank":
    case "cluster":
      return "is there";
  }
}

/** What a look, or a decision, leads to. */
export type Formed =
  | { readonly kind: "found"; readonly choice: Choice }
  | Extract<Verdict, { readonly kind: "enter" }>;

/** How an attempt to decide who founds has ended. */
export type Decision = Outcome | {
  /** No majority has answered. */
  readonly kind: "unanswered";
  readonly cause: string;
};

export interface FormationOptions {
  readonly own: Forming;
  /** What names the members, for messages. */
  readonly flag: string;
  /** This node's part in the decision who founds. */
  readonly founder: {
    readonly self: MemberId;
    /** As `FoundingCore` has it. */
    readonly mayBeChosen: boolean;
    propose(): Promise<Decision>;
  };
  readonly turn: Turn;
  /** Who is at a peer URL; rejects with a sentence when nobody answers as a node does. */
  readonly whoIsAt: (url: string) => Promise<Resident>;
  readonly logger: Logger;
  /** Milliseconds that only grow. */
  readonly nowMs: () => number;
  /** From one look to the next. */
  readonly retryMs: number;
  /** From one word about what is waited for to the next. */
  readonly reportMs: number;
  /** Resolves after a time, or as soon as the node is to end; throws then. */
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Looks until there is something to be done. Rejects with `FormationError`, with what
 * `sleep` does, and when the disk fails.
 */
export async function awaitFormation(options: FormationOptions): Promise<Formed> {
  const { own, flag, turn, logger, nowMs, retryMs, reportMs, sleep } = options;
  let reportedMs = -Infinity;
  let reported: string | undefined;
  let chosen: Choice | undefined;
  for (;;) {
    const seen = await look(options);
    const verdict = judge(own, seen);
    if (verdict.kind === "enter") return verdict;
    if (verdict.kind === "refuse") {
      throw new FormationError(`${flag} can't be formed: ${verdict.cause}`);
    }
    let cause: string;
    if (verdict.kind === "wait") {
      turn.interrupted();
      cause = verdict.cause;
    } else {
      const decision = chosen ?? await decide(options);
      if (typeof decision === "string") cause = decision;
      else if (decision.founder === options.founder.self) {
        return { kind: "found", choice: decision };
      } else {
        chosen = decision;
        cause = causeOfChosen(chosen, own.name, seen.get(chosen.name));
      }
    }
    if (cause !== reported || nowMs() - reportedMs >= reportMs) {
      logger.info(`Waiting for the members of ${flag}`, { cause });
      reported = cause;
      reportedMs = nowMs();
    }
    await sleep(retryMs);
  }
}

/** Who was chosen, or why nobody is yet. */
async function decide(options: FormationOptions): Promise<Choice | string> {
  const { own, founder, turn, nowMs } = options;
  if (turn.remainingMs(nowMs(), founder.mayBeChosen) > 0) {
    const [first] = own.members.map(({ name }) => name).sort();
    return `a majority is there, and "${first}" is the first that may found it, then the next by name`;
  }
  const outcome = await founder.propose();
  switch (outcome.kind) {
    case "chosen":
      return outcome.choice;
    case "preempted":
      turn.failed(nowMs());
      return "another node is about to decide who founds it";
    case "unanswered":
      turn.failed(nowMs());
      return `too few answered who is to found it: ${outcome.cause}`;
  }
}

/** Nobody else can found it: who is chosen may have done so, and been cut off before anybody saw it. */
function causeOfChosen(
  { name, founder }: Choice,
  own: string,
  sighting: Sighting | undefined,
): string {
  // An earlier incarnation of this very node, perhaps.
  const isLost = name === own || sighting?.kind === "blank" && sighting.memberId !== founder;
  if (sighting?.kind !== "silent" && !isLost) {
    return `"${name}" was chosen to found it, and has not yet`;
  }
  const how = isLost ? "has lost its data directory" : stateOf(sighting!);
  const first = isLost ? "" : "start it again; if its data directory is lost, ";
  return `"${name}" was chosen to found it, and ${how}: ${first}stop those that wait as this ` +
    "node does, and start them with empty ones: nothing is in them yet";
}

async function look({ own, whoIsAt }: FormationOptions): Promise<Map<string, Sighting>> {
  const others = own.members.filter(({ name }) => name !== own.name);
  const sightings = await Promise.all(others.map(async ({ name, peerUrls }) => {
    const answers = await Promise.allSettled(peerUrls.map(whoIsAt));
    return [name, sightingOf(answers)] as const;
  }));
  return new Map(sightings);
}

function sightingOf(answers: readonly PromiseSettledResult<Resident>[]): Sighting {
  let cause = "no address";
  for (const answer of answers) {
    if (answer.status === "rejected") cause = messageOf(answer.reason);
    else {
      const { clusterId, forming, memberId } = answer.value;
      if (clusterId !== undefined) return { kind: "cluster", clusterId };
      return forming === undefined ? { kind: "busy" } : { kind: "blank", forming, memberId };
    }
  }
  return { kind: "silent", cause };
}
