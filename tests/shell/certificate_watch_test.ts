/** When the files of certificates are read again: once for each change, and not in the middle of one. */
import { assertEquals } from "@std/assert";
import { CertificateWatch, fingerprintOf } from "../../src/operations/certificate_watch.ts";

Deno.test("CertificateWatch reloads once when two looks have seen the same change", async () => {
  const { setInterval, clearInterval } = globalThis;
  let look = () => {};
  globalThis.setInterval = ((callback: () => void, ms: number) => {
    assertEquals(ms, 4_000);
    look = callback;
    return 77;
  }) as unknown as typeof setInterval;
  globalThis.clearInterval = ((id: number) => assertEquals(id, 77)) as typeof clearInterval;
  const directory = await Deno.makeTempDir();
  const paths = [`${directory}/a.crt`, `${directory}/a.key`];
  const write = (at: number, text: string) => Deno.writeTextFileSync(paths[at]!, text);
  write(0, "1");
  write(1, "1");
  let reloads = 0;
  let looks = 0;
  const files = {
    paths,
    fingerprint: fingerprintOf(paths),
    reload: () => {
      reloads++;
      files.fingerprint = fingerprintOf(paths);
      return Promise.resolve();
    },
    lookAtExpiry: () => {
      looks++;
      return Promise.resolve();
    },
  };
  try {
    const watch = new CertificateWatch([files], 4_000);
    /** How often they have been read again, after a look. */
    const afterLook = async () => {
      look();
      await watch.stop();
      return reloads;
    };
    assertEquals([await afterLook(), await afterLook()], [0, 0]);
    // A pair is replaced file by file.
    write(0, "22");
    assertEquals(await afterLook(), 0);
    write(1, "22");
    assertEquals(await afterLook(), 0);
    assertEquals([await afterLook(), await afterLook(), await afterLook()], [1, 1, 1]);
    Deno.removeSync(paths[1]!);
    assertEquals([await afterLook(), await afterLook(), await afterLook()], [1, 2, 2]);
    assertEquals(looks, 10);
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
    await Deno.remove(directory, { recursive: true });
  }
});
