/**
 * One run of chaos: rounds of load under faults, each ended by a truce in which
 * the members must become one, and then every check on all that clients saw.
 */
import { type EventBody, listingOf } from "../cluster/client.ts";
import { later, until } from "../cluster/wait.ts";
import { checkByIndex, eventOf as eventOfOperation } from "../linearizability/by_index.ts";
import { checkBySearch } from "../linearizability/by_search.ts";
import { SeededRandom } from "../sim/random.ts";
import { Arena } from "./arena.ts";
import { ChaosLoad, FRESH, ROOT } from "./load.ts";
import { Nemesis } from "./nemesis.ts";
import { Stillness } from "./stillness.ts";
import { ChaosUsers } from "./users.ts";
import { ChaosWatcher, problemsOf, unite } from "./watcher.ts";

/** From one truce to the next. */
const ROUND_MS = 45_000;
/** Members have one digest so soon after everything was healed. */
const CONVERGED_MS = 10_000;
/** How long the run waits for that before it gives up. */
const CONVERGE_PATIENCE_MS = 60_000;
/** A write is acknowledged so soon after a leader's death, in 99 of 100 cases. */
const FAILOVER_MS = 2_000;
const WATCH_PATIENCE_MS = 60_000;

/** What is followed: everything, and parts. */
const WATCHED = [ROOT, `${ROOT}/registers`, `${ROOT}/brief`, `${ROOT}/removed`];

export interface RunOptions {
  readonly seed: number;
  readonly size: number;
  readonly milliseconds: number;
  readonly users: number;
  readonly paceMs: number;
  readonly takesStale: boolean;
  readonly print: (line: string) => void;
  /** Rejects when the run shall end before its time. */
  readonly interrupted: Promise<never>;
}

/** A promise, how often it was put to the test, and what broke it. */
export interface Check {
  readonly what: string;
  readonly howMuch: string;
  readonly problems: readonly string[];
}

export interface RunReport {
  readonly faults: ReadonlyMap<string, number>;
  /** What the faults brought about. */
  readonly seen: ReadonlyMap<string, number>;
  readonly requests: ReadonlyMap<string, number>;
  readonly checks: readonly Check[];
  /** What this machine could not do. */
  readonly missing: readonly string[];
}

/** Rejects when it is interrupted or the cluster can't be brought up, with nothing left behind. `keep` is told of a run that broke a promise before it is taken down. */
export async function runChaos(
  options: RunOptions,
  keep: (report: RunReport, arena: Arena, load: ChaosLoad) => Promise<void>,
): Promise<RunReport> {
  const { size } = options;
  await using arena = await Arena.open({ size, smallDisks: Math.floor((size - 1) / 2) });
  using stillness = new Stillness();
  const authority = await ChaosUsers.enable(arena.cluster, ROOT);
  const run = new ChaosRun(arena, options, stillness, authority);
  const report = await Promise.race([run.report(), options.interrupted]);
  if (report.checks.some(({ problems }) => problems.length > 0)) {
    await keep(report, arena, run.load);
  }
  return report;
}

class ChaosRun {
  readonly load: ChaosLoad;
  readonly #arena: Arena;
  readonly #options: RunOptions;
  readonly #watchers: readonly ChaosWatcher[];
  readonly #nemesis: Nemesis;
  readonly #seen = new Map<string, number>();
  readonly #stillness: Stillness;
  readonly #startMs = performance.now();
  readonly #failovers: number[] = [];
  readonly #convergences: number[] = [];
  /** What kept the run from going its way. */
  readonly #troubles: string[] = [];

  constructor(
    arena: Arena,
    options: RunOptions,
    stillness: Stillness,
    authority: ChaosUsers,
  ) {
    const { seed, users, paceMs, takesStale, print } = options;
    this.#arena = arena;
    this.#options = options;
    this.#stillness = stillness;
    this.load = new ChaosLoad(arena.cluster, { seed, users, paceMs, takesStale, authority });
    this.#watchers = WATCHED.map((path, i) =>
      new ChaosWatcher(arena.cluster, path, new SeededRandom(seed, 300 + i))
    );
    this.#nemesis = new Nemesis(seed, {
      arena,
      print,
      load: this.load,
      seen: (what) => this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1),
      stillness,
      authority,
      failovers: this.#failovers,
    });
  }

  async report(): Promise<RunReport> {
    await this.#rage();
    const checks = [await this.#acknowledged()];
    await this.load.stop();
    checks.push(...await this.#histories(), ...this.#timings());
    const { deaths, restarts } = this.#arena;
    const stillS = this.#stillness.since(this.#startMs) / 1000;
    if (stillS > 0) this.#seen.set("seconds the machine stood still", Math.round(stillS));
    return {
      faults: this.#nemesis.counts,
      seen: this.#seen,
      requests: this.load.counts,
      checks: [
        ...checks,
        {
          what: "Recovery",
          howMuch: `after each fault; ${restarts.length} restarts, ${
            spread(restarts)
          } to serve again`,
          problems: this.#troubles,
        },
        {
          what: "Processes end only by a fault",
          howMuch: "watched all the time",
          problems: deaths,
        },
        { what: "Answers are the API's", howMuch: "all", problems: this.load.oddities },
      ],
      missing: this.#arena.missing,
    };
  }

  /** All rounds; ends early when the cluster does not come back. */
  async #rage(): Promise<void> {
    const endMs = performance.now() + this.#options.milliseconds;
    try {
      while (performance.now() < endMs) {
        this.load.resume();
        await this.#nemesis.rage(Math.min(endMs, performance.now() + ROUND_MS));
        await this.#truce();
      }
    } catch (error) {
      this.#troubles.push(causesOf(error));
      await this.#truce().catch((error) => this.#troubles.push(causesOf(error)));
    }
  }

  /** Everything is healed and nobody writes: the members become one. */
  async #truce(): Promise<void> {
    await this.#arena.heal();
    const healedMs = performance.now();
    // Requests that still wait for an answer count: they may change the digest.
    await this.load.rest();
    await this.#arena.converge(CONVERGE_PATIENCE_MS).catch(async (error) => {
      this.#troubles.push(`${causesOf(error)}: ${await this.#arena.digests()}`);
    });
    const tookMs = performance.now() - healedMs - this.#stillness.since(healedMs);
    this.#convergences.push(tookMs);
    this.#options.print(`one digest after ${tookMs.toFixed(0)} ms`);
  }

  /** Every acknowledged write of a key that is written once is on every member. */
  async #acknowledged(): Promise<Check> {
    const { cluster } = this.#arena;
    const { fresh } = this.load;
    const problems: string[] = [];
    for (const node of cluster.nodes) {
      const found = new Map<string, string>();
      const listed = async (path: string): Promise<EventBody[]> => {
        const answer = await cluster.client.get(node.url, path);
        return answer.status === 404 ? [] : listingOf(answer);
      };
      try {
        for (const { key: directory } of await listed(FRESH)) {
          for (const { key, value = "" } of await listed(directory)) found.set(key, value);
        }
      } catch (error) {
        problems.push(`"${node.name}" can't be asked: ${causesOf(error)}`);
        continue;
      }
      for (const [key, value] of fresh) {
        if (found.get(key) === value) continue;
        problems.push(`"${node.name}" has ${found.get(key)} at "${key}", acknowledged: ${value}`);
      }
    }
    const howMuch = `${this.load.acknowledged} acknowledged, ${fresh.size} of them found ` +
      `one by one on ${cluster.nodes.length} members`;
    return { what: "Acknowledged writes are kept", howMuch, problems };
  }

  async #histories(): Promise<Check[]> {
    const watched = await this.#endWatches();
    const { operations } = this.load.history;
    const acknowledged = operations.flatMap((operation) => eventOfOperation(operation) ?? []);
    const known = unite(this.#watchers, acknowledged);
    const problems = this.#watchers.flatMap((watcher) => problemsOf(watcher, known));
    const stretches = this.#watchers.flatMap(({ stretches }) => stretches);
    const told = stretches.reduce((sum, { events }) => sum + events.length, 0);
    const gaps = stretches.length - this.#watchers.length;
    const told1 = unite(this.#watchers, []);
    const howMuch = `${operations.length} operations`;
    const say = (violations: readonly { readonly what: string }[]) =>
      violations.map(({ what }) => what);
    return [
      {
        what: "Watch streams are the committed events",
        howMuch: `${told} events to ${this.#watchers.length} watchers, ${gaps} announced gaps`,
        problems: [...watched, ...problems],
      },
      {
        what: "Linearizable by index",
        howMuch,
        problems: say(checkByIndex(operations, [...told1.values()])),
      },
      { what: "Linearizable by search", howMuch, problems: say(checkBySearch(operations)) },
    ];
  }

  /** One last event for each watcher, which it must be told of. */
  async #endWatches(): Promise<string[]> {
    const [node] = this.#arena.cluster.awake;
    const ends = this.#watchers.map(async (watcher) => {
      const asked = { key: `${watcher.path}/end`, kind: "set", value: "end" } as const;
      try {
        const outcome = await until("a last event to be acknowledged", async () => {
          const value = crypto.randomUUID();
          const outcome = await this.load.ask("end", node!, { ...asked, value });
          return outcome.type === "ok" && outcome;
        });
        await later(watcher.until(outcome.index!, WATCH_PATIENCE_MS));
        return [];
      } catch (error) {
        return [causesOf(error)];
      }
    });
    return (await Promise.all(ends)).flat();
  }

  #timings(): Check[] {
    const late = (measured: readonly number[], limitMs: number) =>
      measured.length > 0 && at(measured, 0.99) > limitMs
        ? [`p99 is ${at(measured, 0.99).toFixed(0)} ms, ${limitMs} are allowed`]
        : [];
    const failovers = this.#failovers;
    const even = this.#convergences;
    return [
      {
        what: `One digest ${CONVERGED_MS / 1000} s after healing`,
        howMuch: `${even.length} times, ${spread(even)}`,
        problems: even.some((ms) => ms > CONVERGED_MS) ? [`It took ${spread(even)}`] : [],
      },
      {
        what: `Writes ${FAILOVER_MS / 1000} s after a leader kill (p99)`,
        howMuch: `${failovers.length} kills, ${spread(failovers)}`,
        problems: late(failovers, FAILOVER_MS),
      },
    ];
  }
}

/** The value below which `share` of `measured` lie. */
function at(measured: readonly number[], share: number): number {
  const sorted = measured.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
}

function spread(measured: readonly number[]): string {
  if (measured.length === 0) return "none measured";
  const [median, p99, most] = [0.5, 0.99, 1].map((share) => at(measured, share).toFixed(0));
  return `median ${median}, p99 ${p99}, at most ${most} ms`;
}

/** An error and what led to it, in one line. */
function causesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${causesOf(error.cause)}`;
}
