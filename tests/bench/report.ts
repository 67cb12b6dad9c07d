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
  ["go", "apt-get install golang-go"],
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

const RESULTS = new URL("RESULTS.md", import.meta.url);
const TABLE_HEAD = "| load | etcd for Deno | etcd 3.4 | unit | ratio | bar | on |";

/** Puts `rows` into `RESULTS.md`, in place of what was found about the same loads before. */
export async function writeResults(rows: readonly Row[], args: readonly string[]): Promise<void> {
  const today = new Date().toISOString().slice(0, 10);
  const found = new Map(rows.map((row) => [row.what, lineOf(row, today)]));
  const known = await knownLines();
  const lines = new Map([...known, ...found]);
  const command = ["deno task bench", ...args].join(" ");
  const text = `# Benchmark

Last run: \`${command}\`, ${machineLine()}.
Medians of runs in turn on one machine, the load generator included. Two systems in one
run are compared, and no row with another row.

${TABLE_HEAD}
|---|---|---|---|---|---|---|
${[...lines.values()].join("\n")}
`;
  await Deno.writeTextFile(RESULTS, text);
}

/** The lines of earlier runs by their loads. */
async function knownLines(): Promise<Map<string, string>> {
  const text = await Deno.readTextFile(RESULTS).catch(() => "");
  const [, table = ""] = text.split(TABLE_HEAD);
  return new Map(
    table.split("\n").filter((line) => line.startsWith("| "))
      .map((line) => [line.split(" | ")[0]!.slice("| ".length), line]),
  );
}

function lineOf({ what, ours, theirs, unit, bar }: Row, date: string): string {
  const ratio = theirs === undefined ? "" : `${(ours / theirs).toFixed(2)} ×`;
  const cells = [what, figure(ours), theirs === undefined ? "" : figure(theirs), unit, ratio];
  return `| ${[...cells, bar ?? "", date].join(" | ")} |`;
}

function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}
