/** What the kernel counts of a process (Linux, `proc(5)`). */

/** Ticks a second in `/proc/PID/stat`; 100 on every Linux that Deno runs on. */
const CLOCK_TICKS = 100;

/** Resident memory in MiB. */
export function residentMiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  return kibibytes / 1024;
}

/** Seconds of processor time so far, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name in parentheses may hold blanks; what follows it is field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}
