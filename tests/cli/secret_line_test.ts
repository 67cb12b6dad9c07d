import { assert, assertEquals } from "@std/assert";
import { SecretLine } from "../../src/cli/secret_line.ts";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../../tools/node_flags.ts";
import { LocalNode } from "./harness.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What comes of a line that is typed key by key. */
function typed(text: string) {
  const line = new SecretLine();
  for (const byte of bytes(text)) {
    const state = line.type(Uint8Array.of(byte));
    if (state.kind !== "typing") return state;
  }
  return line.end();
}

Deno.test("SecretLine ends at Enter, and what is not text does what a terminal does", () => {
  const done = (text: string | undefined) => ({ kind: "done", text }) as const;
  assertEquals(typed("pässword\r"), done("pässword"));
  assertEquals(typed("pw\nmore"), done("pw"));
  assertEquals(typed("\r"), done(""));
  assertEquals(typed("\x04"), done(undefined));
  assertEquals(typed("pw\x04"), done("pw"));
  assertEquals(typed("pä\x7f\x7f\x7fx\x08y\r"), done("y"));
  assertEquals(typed("wrong\x15right\r"), done("right"));
  assertEquals(typed("pw\x03\r"), { kind: "interrupted" });
  assertEquals(typed("no end"), "no end");
  assertEquals(new SecretLine().type(bytes("all at once\r")), done("all at once"));
});

Deno.test("SecretLine keeps no more than a password could have", () => {
  const line = new SecretLine();
  line.type(new Uint8Array(1024 * 1024).fill(0x61));
  assertEquals(line.end()?.length, 64 * 1024);
});

/** Answers what a command asks on a terminal of its own; all that the terminal shows, or undefined without script(1). */
async function onTerminal(line: string, answers: readonly string[]): Promise<string | undefined> {
  const which = await new Deno.Command("sh", { args: ["-c", "command -v script"] }).output();
  if (!which.success) return undefined;
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const program = [Deno.execPath(), "run", "-q", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS, main]
    .map((word) => `'${word}'`).join(" ");
  const child = new Deno.Command("script", {
    args: ["-qec", `${program} ${line}`, "/dev/null"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    env: { NO_COLOR: "1", SHELL: "sh" },
  }).spawn();
  const keys = child.stdin.getWriter();
  const rest = [...answers];
  let shown = "";
  let answered = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    shown += text;
    if (!shown.slice(answered).endsWith(": ")) continue;
    answered = shown.length;
    await keys.write(bytes(`${rest.shift() ?? ""}\r`));
  }
  await child.status;
  await keys.close().catch(() => {});
  return shown;
}

Deno.test("on a terminal nothing of a password shows", async () => {
  await using node = await LocalNode.start();
  const line = `user add ann -peers ${node.address}`;
  const shown = await onTerminal(line, ["s3cret", "s3cret"]);
  if (shown === undefined) return;
  assertEquals(
    shown.replaceAll("\r", ""),
    'Password of ann: \nThe same again: \nMade the user "ann"\n',
  );
  const interrupted = await onTerminal(`user add bob -peers ${node.address}`, ["s3\x03"]);
  assert(!interrupted!.includes("s3"), interrupted);
  assertEquals((await node.etcd(["user", "list"])).out, "ann\n");
});
