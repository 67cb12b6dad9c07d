/** Wishes about members by id, on their way to the leader as JSON: nothing of it is believed unseen. */
import { isUrlList } from "../../raft/configuration_json.ts";
import type { MemberId } from "../../raft/types.ts";
import type { MemberWish } from "../ports.ts";

/** A wish with the id that it is about: that of a place was drawn where it was asked for. */
export type IdentifiedWish = MemberWish & { readonly id: MemberId };

/** Reads a wish that another member sent; undefined when it is none. */
export function parseIdentifiedWish(payload: Uint8Array): IdentifiedWish | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
  const { kind, id, peerUrls, learner } = Object(value) as Record<string, unknown>;
  if (!Number.isSafeInteger(id) || (id as number) < 1) return undefined;
  const about = { id: id as number };
  switch (kind) {
    case "remove":
    case "promote":
      return { kind, ...about };
    case "update":
      return isAddressed(peerUrls) ? { kind, ...about, peerUrls } : undefined;
    case "add":
      return isAddressed(peerUrls) && typeof learner === "boolean"
        ? { kind, ...about, peerUrls, learner }
        : undefined;
    default:
      return undefined;
  }
}

function isAddressed(peerUrls: unknown): peerUrls is string[] {
  return isUrlList(peerUrls) && peerUrls.length > 0;
}
