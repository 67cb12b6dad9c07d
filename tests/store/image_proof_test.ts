/** An image is proven without a store: what passes is what a store takes in, and nothing else. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ImageError } from "../../src/store/image/format.ts";
import { faultOfImage } from "../../src/store/image/proof.ts";
import { Store } from "../../src/store/store.ts";
import { AuthLog, permission } from "./auth/setting.ts";
import { join, Log, slices } from "./log.ts";

function imagesOf(fixture: string): Uint8Array[] {
  const url = new URL(`../../fixtures/store/${fixture}`, import.meta.url);
  const hexes = Object.values<string>(JSON.parse(Deno.readTextFileSync(url)).images);
  return hexes.map((hex) => Uint8Array.fromHex(hex));
}

function imageWithUsers(): Uint8Array {
  const log = new AuthLog();
  log.enable({ user: [permission("read", "a")] });
  return join(slices(log.store));
}

/** Of both formats, together with one of everything. */
const IMAGES = [...imagesOf("v1.json"), ...imagesOf("v2.json"), imageWithUsers()];

/** What a store says of an image, and what the proof has to say. */
async function judged(image: readonly Uint8Array[], message?: string): Promise<string | undefined> {
  const fault = await new Store().restore(image).then(() => undefined, (error) => {
    if (!(error instanceof ImageError)) throw error;
    return error.message;
  });
  assertEquals(await faultOfImage(image), fault, message);
  return fault;
}

Deno.test("faultOfImage() finds nothing in whole images, cut in any way", async () => {
  for (const image of [...IMAGES, join(slices(new Store()))]) {
    for (const length of [1, 7, 100, image.length]) {
      const cuts = Math.ceil(image.length / length);
      const cut = Array.from({ length: cuts }, (_, i) => image.slice(i * length, (i + 1) * length));
      assertEquals(await judged(cut), undefined);
    }
  }
});

Deno.test("faultOfImage() says of a flipped bit what restore() says", async () => {
  for (const image of IMAGES) {
    // Each bit of a byte has its turn: all bits of all bytes take minutes.
    for (let at = 0; at < image.length; at += 7) {
      const flipped = image.slice();
      flipped[at]! ^= 1 << (at & 7);
      assert(await judged([flipped], `byte ${at}`) !== undefined, `byte ${at}`);
    }
  }
});

Deno.test("faultOfImage() says of a truncation what restore() says", async () => {
  for (const image of IMAGES) {
    for (let length = 0; length < image.length; length += 3) {
      assert(await judged([image.slice(0, length)]) !== undefined, `${length} bytes`);
    }
  }
});

Deno.test("faultOfImage() says of missing, repeated and swapped slices what restore() says", async () => {
  const log = new Log();
  for (let i = 0; i < 3000; i++) log.set(`/${10_000 + i}`, "v".repeat(300));
  const image = slices(log.store);
  assert(image.length > 4);
  for (let i = 0; i < image.length; i++) {
    assert(await judged(image.toSpliced(i, 1)) !== undefined, `without slice ${i}`);
    assert(await judged(image.toSpliced(i, 0, image[i]!)) !== undefined, `slice ${i} twice`);
    if (i === 0) continue;
    const swapped = image.toSpliced(i - 1, 2, image[i]!, image[i - 1]!);
    assert(await judged(swapped) !== undefined, `slice ${i} too early`);
  }
});

Deno.test("faultOfImage() rejects with what the source rejects with", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield IMAGES[0]!;
    throw new RangeError("The disk was unplugged");
  }
  await assertRejects(() => faultOfImage(broken()), RangeError, "unplugged");
});
