/**
 * A user who follows a path by a chain of watches through all nodes, and what it
 * was told against what is known to have happened: each event once, in order,
 * and none left out but where the node said so.
 */
import { errorOf, eventOf } from "../cluster/client.ts";
import type { TestCluster } from "../cluster/harness.ts";
import { pause, within } from "../cluster/wait.ts";
import type { WatchedEvent } from "../linearizability/by_index.ts";
import type { SeededRandom } from "../sim/random.ts";
import { unpadded } from "./padding.ts";

const TIMEOUT_MS = 10_000;
const REST_MS = 50;

/** What was told without a word of a gap. */
interface Stretch {
  /** The first index that it was asked for. */
  readonly since: number;
  readonly events: WatchedEvent[];
}

export class ChaosWatcher {
  readonly path: string;
  readonly stretches: Stretch[] = [{ since: 1, events: [] }];
  readonly #cluster: TestCluster;
  readonly #random: SeededRandom;
  readonly #work: Promise<void>;
  #since = 1;
  /** Nothing after it is waited for. */
  #last = Infinity;
  #stop = new AbortController();

  constructor(cluster: TestCluster, path: string, random: SeededRandom) {
    this.#cluster = cluster;
    this.path = path;
    this.#random = random;
    this.#work = this.#follow();
  }

  /** Resolves when it was told of the event at `index`; rejects when it takes too long. */
  async until(index: number, patienceMs: number): Promise<void> {
    this.#last = index;
    if (this.#since > index) this.#stop.abort();
    try {
      await within(`the watcher of "${this.path}" to reach ${index}`, this.#work, patienceMs);
    } catch (error) {
      this.#last = 0;
      this.#stop.abort();
      await this.#work;
      throw error;
    }
  }

  async #follow(): Promise<void> {
    while (this.#since <= this.#last) {
      const { awake, client } = this.#cluster;
      if (awake.length === 0) {
        await pause(REST_MS);
        continue;
      }
      try {
        const answer = await client.ask(`${this.#random.pick(awake).url}/v1/watch${this.path}`, {
          method: "POST",
          form: { index: String(this.#since) },
          timeoutMs: TIMEOUT_MS,
          signal: this.#stop.signal,
        });
        if (answer.status === 200) this.#told(eventOf(answer));
        else if (errorOf(answer).errorCode === 401) this.#cleared(errorOf(answer).cause);
        else await pause(REST_MS);
      } catch {
        // Nothing happened in time, or the node is gone: the same question to another one.
        await pause(REST_MS);
      }
    }
  }

  #told({ index, key, action, value, prevValue }: ReturnType<typeof eventOf>): void {
    this.stretches.at(-1)!.events.push({
      index,
      key,
      value: action === "SET" ? shorten(value) : undefined,
      prevValue: shorten(prevValue),
    });
    this.#since = Math.max(this.#since, index) + 1;
  }

  #cleared(cause: string): void {
    const since = Number(/before index (\d+)/.exec(cause)?.[1]);
    if (!(since > this.#since)) throw new Error(`Expected an index above ${this.#since}: ${cause}`);
    this.stretches.push({ since, events: [] });
    this.#since = since;
  }
}

/** A value that came back changed stays as it is: nobody wrote it. */
function shorten(value: string | undefined): string | undefined {
  return value === undefined ? undefined : unpadded(value) ?? value;
}

/** Everything that happened as far as anybody knows, by index. */
export function unite(
  watchers: readonly ChaosWatcher[],
  acknowledged: readonly WatchedEvent[],
): ReadonlyMap<number, WatchedEvent> {
  const told = watchers.flatMap(({ stretches }) => stretches.flatMap(({ events }) => events));
  const all = [...acknowledged, ...told].toSorted((a, b) => a.index - b.index);
  return new Map(all.map((event) => [event.index, event]));
}

/** What is wrong with a watcher's stretches; `known` is in the order of the indexes. */
export function problemsOf(
  { path, stretches }: Pick<ChaosWatcher, "path" | "stretches">,
  known: ReadonlyMap<number, WatchedEvent>,
): string[] {
  const problems: string[] = [];
  const note = (what: string) => problems.push(`The watcher of "${path}" ${what}`);
  const under = [...known.values()].filter(({ key }) => key.startsWith(`${path}/`));
  for (const { since, events } of stretches) {
    const last = events.at(-1)?.index ?? since - 1;
    const expected = under.filter(({ index }) => index >= since && index <= last);
    for (let place = 0; place < Math.max(events.length, expected.length); place++) {
      const [found, wanted] = [events[place], expected[place]];
      if (JSON.stringify(found) === JSON.stringify(wanted)) continue;
      note(`was told ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`);
      break;
    }
  }
  return problems;
}
