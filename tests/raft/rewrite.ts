/**
 * Rewrites what the commands of every transcript in `fixtures/raft/` print, for
 * a change that is meant: read the difference before you keep it.
 */
import { retell } from "./transcript.ts";

const folder = new URL("../../fixtures/raft/", import.meta.url);

for (const { name } of Deno.readDirSync(folder)) {
  const path = new URL(name, folder);
  const before = Deno.readTextFileSync(path);
  const after = retell(before);
  if (before === after) continue;
  Deno.writeTextFileSync(path, after);
  console.log(`Rewrote ${name}`);
}
