/**
 * How the members that `--initial-cluster` names form one cluster, in whatever order
 * they start. Each asks at the addresses of the others who is there. A cluster that is
 * alive is entered, never doubled. Where there is none, the member with the smallest
 * name founds it, and nobody else ever does, once a majority of those named are there
 * without data: so of two nodes that look at the same moment one founds. Its first
 * configuration has a place for each of the others, by their addresses; whoever is
 * wiped later finds its place taken.
 */
import type { Forming, Resident } from "../api/peer/join.ts";
import { messageOf } from "../base/errors.ts";
import { formatId } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import type { InitialMember } from "../config.ts";
import { quorumSize } from "../raft/quorum.ts";

/** What one look at the addresses of a member has shown. */
export type Sighting =
  | { readonly kind: "cluster"; readonly clusterId: number }
  /** It has no data and forms a cluster, too. */
  | { readonly kind: "blank"; readonly forming: Forming }
  /** It starts with data of its own, or it was told to join by other flags. */
  | { readonly kind: "busy" }
  | { readonly kind: "silent"; readonly cause: string };

/** What to do after a look at all others. */
export type Verdict =
  | { readonly kind: "found" }
  /** Ask one of these to be let in. */
  | { readonly kind: "enter"; readonly clusterId: number; readonly urls: readonly string[] }
  | { readonly kind: "wait"; readonly cause: string }
  | { readonly kind: "refuse"; readonly cause: string };

/** `--initial-cluster` can't come to be; the message says why. */
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
  const names = own.members.map(({ name }) => name).sort();
  const quorum = quorumSize(names.length);
  const missing = [...seen].filter(([, { kind }]) => kind !== "blank")
    .map(([name, sighting]) => `"${name}" ${stateOf(sighting)}`).join(", ");
  if (blanks.length + 1 < quorum) {
    return { kind: "wait", cause: `${quorum} of ${names.length} must be there: ${missing}` };
  }
  const [founder] = names;
  if (founder === own.name) return { kind: "found" };
  return {
    kind: "wait",
    cause: `"${founder}" founds it, and has not yet; if it never will, take it out of every ` +
      "--initial-cluster, and add it later",
  };
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
function disagreement(own: Forming, name: string, other: Forming): string | undefined {
  if (other.token !== own.token) {
    return `"${name}" has --initial-cluster-token "${other.token}", and this node "${own.token}": ` +
      "give all members of a cluster one token of its own";
  }
  const [mine, theirs] = [textOf(own.members), textOf(other.members)];
  if (mine !== theirs) {
    return `"${name}" has --initial-cluster "${theirs}", and this node "${mine}": ` +
      "give all members of a cluster the same list";
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

export interface FormationOptions {
  readonly own: Forming;
  /** Who is at a peer URL; rejects with a sentence when nobody answers as a node does. */
  readonly whoIsAt: (url: string) => Promise<Resident>;
  readonly logger: Logger;
  /** From one look to the next. */
  readonly retryMs: number;
  /** From one word about what is waited for to the next. */
  readonly reportMs: number;
  /** Resolves after a time, or as soon as the node is to end; throws then. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** Looks until there is something to be done. Rejects with `FormationError`, and with what `sleep` does. */
export async function awaitFormation(
  options: FormationOptions,
): Promise<Extract<Verdict, { readonly kind: "found" | "enter" }>> {
  const { own, logger, retryMs, reportMs, sleep } = options;
  let waitedMs = 0;
  let reported: string | undefined;
  for (;;) {
    const verdict = judge(own, await look(options));
    switch (verdict.kind) {
      case "found":
      case "enter":
        return verdict;
      case "refuse":
        throw new FormationError(`--initial-cluster can't be formed: ${verdict.cause}`);
      case "wait":
        if (verdict.cause !== reported || waitedMs >= reportMs) {
          logger.info("Waiting for the members of --initial-cluster", { cause: verdict.cause });
          reported = verdict.cause;
          waitedMs = 0;
        }
    }
    await sleep(retryMs);
    waitedMs += retryMs;
  }
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
      const { clusterId, forming } = answer.value;
      if (clusterId !== undefined) return { kind: "cluster", clusterId };
      return forming === undefined ? { kind: "busy" } : { kind: "blank", forming };
    }
  }
  return { kind: "silent", cause };
}
