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

/** A finding about a file, where it is clear what should have been found. */
export interface Comparison extends Finding {
  readonly file: string;
  readonly expected: string;
}

/** A table with a head, and a line more for what is to be done. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const head = ["", "file", "check", "expected", "found"];
  const rows = comparisons.map(({ status, file, check, expected, found, advice }) => ({
    cells: [status, file, check, expected, found],
    advice,
  }));
  const widths = head.map((name, i) =>
    Math.max(name.length, ...rows.map(({ cells }) => cells[i]!.length))
  );
  const line = (cells: readonly string[]) =>
    `${cells.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd()}\n`;
  const indent = " ".repeat(widths[0]! + widths[1]! + 4);
  return line(head) +
    rows.map(({ cells, advice }) =>
      advice === "" ? line(cells) : `${line(cells)}${indent}-> ${advice}\n`
    ).join("");
}
