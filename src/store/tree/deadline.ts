/** Deadlines of TTLs in cluster time. */

/** The last millisecond of the year 9999, beyond which RFC 3339 has no dates: no deadline is later. */
const DEADLINE_MS_MAX = 253_402_300_799_999;

/** Unix ms; 0 without a TTL. */
export function deadlineAfter(timeMs: number, ttlSeconds: number | undefined): number {
  if (ttlSeconds === undefined) return 0;
  return Math.min(timeMs + ttlSeconds * 1000, DEADLINE_MS_MAX);
}
