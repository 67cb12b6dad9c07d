/** Rejections, each made in one place. */
import type { ByteString } from "./byte_string.ts";
import type { Change } from "./keyspace/change.ts";
import type { FailedComparison, Rejected, RejectionReason } from "./result.ts";

/** The change is refused for `reason`, because of `key`. */
export function reject(reason: RejectionReason, key: ByteString, change: Change): Rejected {
  return { kind: "rejected", reason, key, changeIndex: change.changeIndex };
}

/** What was compared is not as it should be. */
export function testFailed(
  key: ByteString,
  change: Change,
  failed: readonly FailedComparison[],
): Rejected {
  return { kind: "rejected", reason: "testFailed", key, changeIndex: change.changeIndex, failed };
}
