/** The store against the model of all commands, by seeds: see `model_run.ts`. */
import { runModel } from "./model_run.ts";

for (const seed of [1, 2, 3, 4, 5, 6, 7, 14]) {
  Deno.test(`the store agrees with the model of all APIs after any commands, seed ${seed}`, async () => {
    await runModel(seed, 600);
  });
}
