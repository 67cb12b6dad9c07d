/** Where the lines of `-audit` go: a file, or standard error; whatever takes them, nobody waits for it. */
import { systemClock } from "../base/clock.ts";
import { LineWriter } from "../base/line_writer.ts";
import { logOutputs } from "../base/log_outputs.ts";
import { type Audit, auditLine } from "../service/auth/audit.ts";

/** Lines that wait for a slow disk; beyond that they are counted and left out. */
const QUEUE_BYTES_MAX = 1024 * 1024;
const RETRY_MS = 50;

/** Writes to `place`; throws what opening a file throws. */
export function openAudit(place: string): Audit {
  const { write = (bytes: Uint8Array) => Deno.stderr.write(bytes) } = logOutputs([place]);
  const writer = new LineWriter({
    write,
    queueBytesMax: QUEUE_BYTES_MAX,
    retryMs: RETRY_MS,
    summary: (dropped) => `${JSON.stringify({ left_out: dropped })}\n`,
  });
  return (entry) => writer.write(auditLine(entry, systemClock.wallMs()));
}
