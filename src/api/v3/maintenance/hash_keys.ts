/**
 * CRC-32C over "key" and all keys and values at a revision, in their order: members
 * that agree have the same. A slice a turn, so that nobody waits for it.
 */
import { inLaterTurn } from "../../../base/turns.ts";
import { crc32c } from "../../../base/crc32c.ts";
import { bytesOf, type ByteString } from "../../../store/byte_string.ts";
import type { UnaryCall } from "../call.ts";
import type { V3Context } from "../context.ts";
import { rejectionStatus } from "../refusal.ts";
import { ANYBODY, readStale } from "../waist.ts";

const KEYS_AT_ONCE = 1000;

/** Calls back with the hash, unless the call has failed or is over. */
export function hashKeys(
  v3: V3Context,
  call: Pick<UnaryCall<object>, "caller" | "fail" | "isOver">,
  revision: number,
  done: (hash: number) => void,
): void {
  let hash = crc32c(bytesOf("key"));
  const go = (key: ByteString) =>
    readStale(v3, call, ANYBODY, (store) => {
      const found = store.slice({ start: key, end: undefined }, revision, KEYS_AT_ONCE);
      if (typeof found === "string") return call.fail(rejectionStatus(found));
      for (const { key, version } of found) {
        hash = crc32c(version.value, crc32c(bytesOf(key), hash));
      }
      const last = found.at(-1);
      if (found.length < KEYS_AT_ONCE || last === undefined) return done(hash);
      inLaterTurn(() => call.isOver || go(`${last.key}\0`));
    });
  go("\0");
}
