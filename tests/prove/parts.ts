/** The parts of `deno task prove`, in the order of its table. */

export interface Part {
  readonly name: string;
  /** From the root. */
  readonly file: string;
  readonly full: readonly string[];
  /** The same for seconds, to try the runner: it proves nothing. */
  readonly quick: readonly string[];
  /** What the full part takes on two idle cores, about. */
  readonly minutes: number;
  /** One that judges by real time, or takes both cores: nothing else may run. */
  readonly alone: boolean;
}

/** The kinds of fuzz that take half of its time. */
const CONNECTIONS = "requests,http1-pipelines,http2-connections";

export const PARTS: readonly Part[] = [
  {
    name: "simulator",
    file: "tests/sim/sim.ts",
    full: ["--prove", "--minutes=8"],
    quick: ["--prove", "--seeds=10"],
    minutes: 9,
    alone: true,
  },
  {
    name: "linearizability",
    file: "tests/linearizability/prove.ts",
    full: ["--operations=1000000"],
    quick: ["--operations=20000"],
    minutes: 3,
    alone: false,
  },
  {
    name: "crash states",
    file: "tests/storage/crash.ts",
    full: ["--states=300000"],
    quick: ["--states=2000"],
    minutes: 5,
    alone: false,
  },
  {
    name: "divergence",
    file: "tests/prove/divergence.ts",
    full: [],
    quick: [],
    minutes: 1,
    alone: false,
  },
  {
    name: "fuzz of connections",
    file: "tests/fuzz/fuzz.ts",
    full: [`--only=${CONNECTIONS}`],
    quick: [`--only=${CONNECTIONS}`, "--count=200"],
    minutes: 30,
    alone: false,
  },
  {
    name: "fuzz of formats",
    file: "tests/fuzz/fuzz.ts",
    full: [`--except=${CONNECTIONS}`],
    quick: [`--except=${CONNECTIONS}`, "--count=200"],
    minutes: 20,
    alone: false,
  },
  {
    name: "hostile",
    file: "tests/hostile/hostile.ts",
    full: ["--rounds=2"],
    quick: ["--rounds=1", "--only=slowHead"],
    minutes: 2,
    alone: true,
  },
  {
    name: "chaos",
    file: "tests/chaos/chaos.ts",
    full: ["--minutes=5"],
    quick: ["--minutes=0.3"],
    minutes: 7,
    alone: true,
  },
  {
    name: "mutants",
    file: "tests/mutants/mutants.ts",
    full: [],
    quick: ["--every=30"],
    minutes: 75,
    alone: true,
  },
];
