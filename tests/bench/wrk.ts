/** Runs `wrk` (Debian's package) with `load/wrk.lua` and reads what it measured. */
import { fileURLToPath } from "node:url";
import type { Measured } from "./measured.ts";

export interface Load {
  readonly method: "GET" | "PUT";
  /** A `%010d` in it becomes the number of a key. */
  readonly path: string;
  readonly keys: number;
  readonly body?: string;
  readonly connections: number;
  readonly seconds: number;
}

const SCRIPT = fileURLToPath(new URL("load/wrk.lua", import.meta.url));

/** Loads the server at `url`. Throws when the generator itself fails. */
export async function runWrk(url: string, load: Load): Promise<Measured> {
  const output = await new Deno.Command("wrk", {
    args: [
      "--threads=1",
      `--connections=${load.connections}`,
      `--duration=${load.seconds}s`,
      "--timeout=10s",
      `--script=${SCRIPT}`,
      url,
    ],
    env: {
      BENCH_METHOD: load.method,
      BENCH_PATH: load.path,
      BENCH_KEYS: String(load.keys),
      ...(load.body === undefined ? {} : { BENCH_BODY: load.body }),
    },
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  const line = text.split("\n").find((candidate) => candidate.startsWith("RESULT "));
  if (line === undefined) {
    const errors = new TextDecoder().decode(output.stderr).trim();
    throw new Error(`Expected a result of wrk, found "${errors || text.trim()}"`);
  }
  return JSON.parse(line.slice("RESULT ".length)) as Measured;
}
