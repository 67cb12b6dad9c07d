/**
 * `deno task man`: writes `packaging/etcd.1`, which is committed, from the tables
 * of flags and commands. A test compares the two.
 */
import { manPage } from "./man_page.ts";

const PAGE = new URL("../packaging/etcd.1", import.meta.url);

if (import.meta.main) {
  await Deno.writeTextFile(PAGE, manPage());
  console.log('man: Wrote "packaging/etcd.1"');
}
