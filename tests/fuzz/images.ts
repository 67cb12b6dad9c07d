/** Images of a state in both formats, as they come from another member or an old disk. */
import { encodeCommand } from "../../src/store/command/codec.ts";
import { NOBODY } from "../../src/store/command/command.ts";
import { ImageError } from "../../src/store/image/format.ts";
import { faultOfImage } from "../../src/store/image/proof.ts";
import { Store } from "../../src/store/store.ts";
import { SeededRandom } from "../sim/random.ts";
import { anyCommand } from "./commands.ts";
import { joined, mutated } from "./mutate.ts";
import { FuzzError, type Subject } from "./subject.ts";

const POOL = 64;

interface Pooled {
  readonly image: Uint8Array;
  /** What `restore` says of it. */
  readonly told: string;
  /** Of the state that it makes. */
  readonly digest: string;
}

const pool = new Map<number, Promise<Pooled>>();

/** One of a few states, each made when it is asked for. */
function pooled(number: number): Promise<Pooled> {
  let found = pool.get(number);
  if (found === undefined) {
    found = madeOf(imageOf(number));
    pool.set(number, found);
  }
  return found;
}

/** Those that version 1.0 wrote, and others behind them. */
const taken: Uint8Array[] = Object.values<string>(
  JSON.parse(Deno.readTextFileSync(new URL("../../fixtures/store/v1.json", import.meta.url)))
    .images,
).map((hex) => Uint8Array.fromHex(hex));

function imageOf(number: number): Uint8Array {
  return taken[number] ??= makeImage(number);
}

function makeImage(number: number): Uint8Array {
  const random = new SeededRandom(number, 1);
  const store = new Store();
  for (let index = 1; index <= random.integer(1, 30); index++) {
    store.apply(index, encodeCommand(anyCommand(random), NOBODY, index));
  }
  return joined(...store.snapshot());
}

async function madeOf(image: Uint8Array): Promise<Pooled> {
  const store = new Store();
  const told = await store.restore([image]);
  return { image, told, digest: store.digest() };
}

export const images: Subject = {
  name: "images",
  promise: "refused with nothing changed, or the same state",
  async check([input]) {
    const { digest } = await pooled(input![0]! % POOL);
    const store = new Store();
    const before = store.digest();
    const image = input!.subarray(1);
    const half = image.length >> 1;
    const cut = [image.subarray(0, half), image.subarray(half)];
    const fault = await faultOfImage(cut);
    try {
      await store.restore(cut);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      if (store.digest() !== before) throw new FuzzError("A refused image changed the state");
      if (fault !== error.message) throw new FuzzError(`A refused image was proven: ${fault}`);
      return;
    }
    if (fault !== undefined) throw new FuzzError(`An image was taken that is none: ${fault}`);
    if (store.digest() !== digest) throw new FuzzError("A damaged image was taken");
  },
  make(random) {
    const number = random.integer(0, POOL - 1);
    const image = imageOf(number);
    return joined(Uint8Array.of(number), random.chance(0.1) ? image : mutated(image, random));
  },
};
