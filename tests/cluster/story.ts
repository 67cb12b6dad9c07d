/**
 * Tests that tell what happens to a cluster, in stages that build on each other.
 * A stage that fails shows the logs of all nodes.
 */
import { type ClusterOptions, TestCluster } from "./harness.ts";

/** A part of a story; the story ends with a part that fails. */
export type Stage = (name: string, body: () => Promise<void>) => Promise<void>;

/** Tells what happens to a cluster that is prepared and not started, in stages that build on each other. */
export type Tell = (cluster: TestCluster, stage: Stage) => Promise<void>;

/** Registers a test that tells one story. */
export function story(name: string, options: ClusterOptions, tell: Tell): void {
  Deno.test(name, (t) => tellIn(t, options, tell, {}));
}

export interface Telling {
  readonly name: string;
  readonly options: ClusterOptions;
  readonly tell: Tell;
}

/** Registers a test that tells several stories at once: most of each is waiting for elections. */
export function stories(name: string, tellings: readonly Telling[]): void {
  Deno.test(name, async (t) => {
    // The test as a whole is still checked for leaks.
    const concurrent = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
    const succeeded = await Promise.all(
      tellings.map(({ name, options, tell }) =>
        t.step({ ...concurrent, name, fn: (t) => tellIn(t, options, tell, concurrent) })
      ),
    );
    if (succeeded.includes(false)) throw new Error("Not every story ended well");
  });
}

async function tellIn(
  t: Deno.TestContext,
  options: ClusterOptions,
  tell: Tell,
  sanitizers: Partial<Deno.TestStepDefinition>,
): Promise<void> {
  await using cluster = await TestCluster.prepare(options);
  await tell(cluster, async (name, body) => {
    const step = { ...sanitizers, name, fn: () => cluster.explain(body) };
    if (!await t.step(step)) throw new Error(`Ended at "${name}"`);
  });
}
