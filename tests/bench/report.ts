/** What a benchmark found, for people, and what it needs to run. */

/** One line of the result. Without `theirs` it is compared with its bar only. */
export interface Row {
  readonly what: string;
  readonly ours: number;
  readonly theirs?: number;
  readonly unit: string;
  /** What the project promises, in words. */
  readonly bar?: string;
}

const TOOLS: ReadonlyMap<string, string> = new Map([
  ["wrk", "apt-get install wrk"],
  ["etcd", "apt-get install etcd-server"],
]);

/** One line with the install command when something is missing. */
export async function missingTools(): Promise<string | undefined> {
  const missing: string[] = [];
  for (const tool of TOOLS.keys()) {
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `command -v ${tool}`],
      stdout: "null",
      stderr: "null",
    }).output();
    if (!success) missing.push(tool);
  }
  if (missing.length === 0) return undefined;
  const hints = missing.map((tool) => TOOLS.get(tool)).join(" && ");
  return `The benchmark needs ${missing.join(" and ")}: ${hints}`;
}

/** What the figures were taken on. */
export function machineLine(): string {
  const { v8, deno } = Deno.version;
  const model = /model name\s*: (.*)/.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1];
  const { total } = Deno.systemMemoryInfo();
  return `${navigator.hardwareConcurrency} cores of ${model ?? "an unnamed processor"}, ` +
    `${Math.round(total / 2 ** 30)} GiB, Linux ${Deno.osRelease()}, Deno ${deno}, V8 ${v8}`;
}

/** Writes `RESULTS.md` beside this file. */
export async function writeResults(rows: readonly Row[], args: readonly string[]): Promise<void> {
  const lines = rows.map(({ what, ours, theirs, unit, bar }) => {
    const ratio = theirs === undefined ? "" : `${(ours / theirs).toFixed(2)} ×`;
    const cells = [what, figure(ours), theirs === undefined ? "" : figure(theirs), unit, ratio];
    return `| ${[...cells, bar ?? ""].join(" | ")} |`;
  });
  const command = ["deno task bench", ...args].join(" ");
  const text = `# Benchmark

${new Date().toISOString().slice(0, 10)}, \`${command}\`, ${machineLine()}.
Medians of paired runs on one machine, the load generator included.

| load | etcd for Deno | etcd 3.4 (v2) | unit | ratio | bar |
|---|---|---|---|---|---|
${lines.join("\n")}
`;
  await Deno.writeTextFile(new URL("RESULTS.md", import.meta.url), text);
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}
