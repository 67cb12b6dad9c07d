/** A configuration that another program sent as JSON: nothing of it is believed unseen. */
import { configurationFault } from "./configuration.ts";
import type { Configuration, Member, MemberId } from "./types.ts";

/** Characters of a name or an address. */
const TEXT_MAX = 1024;

/** Addresses of one kind that a member may have; a byte counts them in the log. */
const URLS_MAX = 16;

/** `value`, parsed from JSON, as a valid configuration and nothing beside; undefined when it is none. */
export function toConfiguration(value: unknown): Configuration | undefined {
  const { members, removed } = Object(value) as Record<string, unknown>;
  if (!Array.isArray(members) || !Array.isArray(removed)) return undefined;
  const known = members.map(toMember);
  if (known.includes(undefined) || !removed.every(isId)) return undefined;
  const configuration = { members: known as Member[], removed };
  return configurationFault(configuration) === undefined ? configuration : undefined;
}

function toMember(value: unknown): Member | undefined {
  const { id, name, peerUrls, clientUrls, ...rest } = Object(value) as Record<string, unknown>;
  if (!isId(id) || !isUrlList(peerUrls) || !isUrlList(clientUrls)) return undefined;
  // A reserved place has no name.
  if (name !== "" && !isText(name)) return undefined;
  const part = toPart(rest);
  return part && { id, name, peerUrls, clientUrls, ...part };
}

function toPart(
  { voter, learner, takenBy, assigned, grpcUrls }: Record<string, unknown>,
): Omit<Member, "id" | "name" | "peerUrls" | "clientUrls"> | undefined {
  if (typeof voter !== "boolean") return undefined;
  if (learner !== undefined && learner !== true) return undefined;
  if (takenBy !== undefined && !isId(takenBy)) return undefined;
  if (assigned !== undefined && assigned !== true) return undefined;
  if (grpcUrls !== undefined && !isGrpcUrls(grpcUrls)) return undefined;
  return {
    voter,
    ...(learner && { learner }),
    ...(takenBy !== undefined && { takenBy }),
    ...(assigned && { assigned }),
    ...(grpcUrls !== undefined && { grpcUrls }),
  };
}

function isId(value: unknown): value is MemberId {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Whether `value` may be the addresses of a member, as another program sent them. */
export function isUrlList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= URLS_MAX && value.every(isText);
}

/** Whether `value` may be the URLs of gRPC of a member that has any of their own. */
export function isGrpcUrls(value: unknown): value is string[] {
  return isUrlList(value) && value.length > 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= TEXT_MAX;
}
