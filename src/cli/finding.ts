/** What a check has found, and the table that shows it. */

export interface Finding {
  readonly status: "ok" | "warn" | "fail";
  readonly check: string;
  readonly found: string;
  /** What to do; empty when there is nothing. */
  readonly advice: string;
}

/** A line for each, and one more for what is to be done. */
export function findingsTable(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings.map(({ status, check, found, advice }) => {
    const line = `${status.padEnd(4)}  ${check.padEnd(width)}  ${found}\n`;
    return advice === "" ? line : `${line}${" ".repeat(width + 8)}-> ${advice}\n`;
  }).join("");
}
