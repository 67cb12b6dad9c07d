/**
 * The checks that look for a planted bug, from cheap to dear, as processes in a
 * copy of the sources. A check fails for the right reason when the bug loads and
 * the same check passes without it; what it says first is kept as the evidence.
 */
import type { Mutant } from "./mutant.ts";

/** Which tests speak of a room of the program. */
const TESTS_OF: Readonly<Record<string, string>> = {
  raft: "tests/raft",
  node: "tests/node",
  storage: "tests/storage",
  store: "tests/store",
  transport: "tests/transport",
  http: "tests/api",
  api: "tests/api",
  cli: "tests/cli",
  dashboard: "tests/dashboard",
};

/** The simulator runs nothing of them. */
const UNSIMULATED = /^(tools\/|src\/(cli|config|server|dashboard|http)\b)/;

/** After so long without an end a check counts as failed: a bug may well wait for ever. */
const LIMIT_SECONDS = 150;
/** The simulator's seeds, the same for each bug; a longer run would find more. */
const SIM_SEEDS = 400;

/**
 * Who looks for `mutant`, in this order. Tests of real processes are left out:
 * what only they find was found too late.
 */
export function checksFor({ file, expected }: Mutant): string[] {
  const room = TESTS_OF[file.split("/")[1]!];
  return [
    ...new Set([
      expected,
      ...(room === undefined ? [] : [room]),
      ...(UNSIMULATED.test(file) ? [] : ["sim"]),
    ]),
  ];
}

export interface Verdict {
  readonly failed: boolean;
  /** Which test or which property, when it failed. */
  readonly evidence: string;
  readonly seconds: number;
}

/** Whether the sources in `directory` that a bug is in can be loaded at all; the reason if not. */
export async function loadFault(directory: string, file: string): Promise<string | undefined> {
  const { success, text } = await deno(directory, [
    ...["eval", "--no-check", `await import("./${file}")`],
  ], LIMIT_SECONDS);
  return success ? undefined : text.trim().split("\n")[0];
}

/** Runs `check` in `directory`. */
export async function runCheck(directory: string, check: string): Promise<Verdict> {
  const startMs = performance.now();
  const { success, isLate, text } = await deno(directory, argumentsOf(check), LIMIT_SECONDS);
  const seconds = (performance.now() - startMs) / 1000;
  const late = `no end within ${LIMIT_SECONDS} s`;
  return { failed: !success, evidence: isLate ? late : evidenceIn(text), seconds };
}

function argumentsOf(check: string): string[] {
  return check === "sim"
    ? ["run", "-A", "--no-check", "tests/sim/sim.ts", "--from=1", `--seeds=${SIM_SEEDS}`]
    : ["test", "-A", "--no-check", "--fail-fast", check];
}

interface Ended {
  readonly success: boolean;
  readonly isLate: boolean;
  readonly text: string;
}

async function deno(directory: string, args: string[], seconds: number): Promise<Ended> {
  const signal = AbortSignal.timeout(seconds * 1000);
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: directory,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  });
  const { success, stdout, stderr } = await command.output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  return { success, isLate: signal.aborted, text };
}

/** What the simulator, a failing test, or an error outside of any test says first. */
const EVIDENCE = [
  /^.*Seed (\d+ breaks "[^"]*")/m,
  /^(.+?) => \.\/tests\/.*$/m,
  /^error: (?:\(in promise\) )?(.+)$/m,
];

function evidenceIn(text: string): string {
  for (const pattern of EVIDENCE) {
    const found = pattern.exec(text);
    if (found !== null) return found[1]!.trim();
  }
  return text.trim().split("\n").at(-1) ?? "";
}
