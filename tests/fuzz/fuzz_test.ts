/**
 * A share of what `deno task fuzz` does, with the same inputs for everybody, and
 * every input that broke a promise once.
 */
import { assert } from "@std/assert";
import { CASES } from "./cases.ts";
import { requests } from "./requests.ts";
import { runInputs, runSubject } from "./run.ts";
import { SUBJECTS } from "./subjects.ts";

const SEED = 1;
/** A quarter of a second or so for each. */
const COUNT = 5_000;

for (const subject of SUBJECTS) {
  Deno.test(`fuzz() finds nothing in ${COUNT} inputs when they are ${subject.name}`, async () => {
    const { failure } = await runSubject(subject, SEED, 0, COUNT);
    assert(
      failure === undefined,
      `${failure?.message}; replay: deno task fuzz --only ${
        subject.name.replaceAll(" ", "-")
      } --seed ${SEED} --at ${failure?.at}`,
    );
  });
}

for (const [i, { subject, input, why }] of CASES.entries()) {
  Deno.test(`fuzz() finds nothing any longer in case ${i} of ${subject}: ${why}`, async () => {
    const found = SUBJECTS.find(({ name }) => name === subject);
    assert(found !== undefined);
    await runInputs(found, [Uint8Array.fromHex(input)]);
  });
}

/** Requests that broke a promise only in one pipeline. */
const PIPELINES = [{
  seed: 836_776_898,
  from: 808_960,
  count: 2_048,
  why: "a HEAD whose empty body in chunks ends in the next read",
}];

for (const { seed, from, count, why } of PIPELINES) {
  Deno.test(`fuzz() finds nothing any longer in requests ${from} to ${from + count} of seed ${seed}: ${why}`, async () => {
    const { failure } = await runSubject(requests, seed, from, count);
    assert(failure === undefined, failure?.message);
  });
}
