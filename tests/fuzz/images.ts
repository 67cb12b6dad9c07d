/** Images of a state, as they come from another member. */
import { encodeCommand } from "../../src/store/command.ts";
import { ImageError } from "../../src/store/image_reader.ts";
import { Store } from "../../src/store/store.ts";
import { SeededRandom } from "../sim/random.ts";
import { anyKey } from "./commands.ts";
import { anyText, joined, mutated } from "./mutate.ts";
import { FuzzError, type Subject } from "./subject.ts";

const POOL = 64;

interface Pooled {
  readonly image: Uint8Array;
  readonly digest: string;
}

const pool = new Map<number, Pooled>();

/** One of a few states, each made when it is asked for. */
function pooled(number: number): Pooled {
  let found = pool.get(number);
  if (found === undefined) {
    const random = new SeededRandom(number, 1);
    const store = new Store({ historyMax: 4 });
    for (let index = 1; index <= random.integer(1, 12); index++) {
      const ttlSeconds = random.chance(0.3) ? random.integer(1, 1000) : undefined;
      const [key, value] = [anyKey(random), anyText(random, 30)];
      store.apply(
        index,
        encodeCommand({ type: "set", key, value, prevValue: undefined, ttlSeconds, timeMs: index }),
      );
    }
    found = { image: joined(...store.snapshot()), digest: store.digest() };
    pool.set(number, found);
  }
  return found;
}

export const images: Subject = {
  name: "images",
  promise: "refused with nothing changed, or the same state",
  make(random) {
    const number = random.integer(0, POOL - 1);
    const { image } = pooled(number);
    return joined(Uint8Array.of(number), random.chance(0.1) ? image : mutated(image, random));
  },
  async check([input]) {
    const { digest } = pooled(input![0]! % POOL);
    const store = new Store({ historyMax: 4 });
    const before = store.digest();
    try {
      const image = input!.subarray(1);
      const half = image.length >> 1;
      await store.restore([image.subarray(0, half), image.subarray(half)]);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      if (store.digest() !== before) throw new FuzzError("A refused image changed the state");
      return;
    }
    if (store.digest() !== digest) throw new FuzzError("A damaged image was taken");
  },
};
