/**
 * Packs a bundled program and the Deno runtime in hand into one executable file
 * for systems with `/bin/sh`, for where `deno compile` cannot get its own
 * runtime. The file's head is `self_unpacking.sh`.
 */

export interface PackOptions {
  /** What the executable calls itself in messages and in its cache directory. */
  readonly name: string;
  /** The runtime that is packed: a `deno` executable. */
  readonly runtime: string;
  /** The bundled program: one JavaScript file without imports of its own. */
  readonly program: string;
  /** Flags of `deno run` that are baked in. */
  readonly flags: readonly string[];
  /** Written again, with mode 0755. */
  readonly output: string;
}

/** Makes the executable and returns its size in bytes. */
export async function packSelfUnpacking(options: PackOptions): Promise<number> {
  const runtime = await Deno.readFile(options.runtime);
  const program = await Deno.readFile(options.program);
  const packedProgram = await gzip(program);
  const payload = await new Blob([packedProgram, await gzip(runtime)]).bytes();
  const template = await Deno.readTextFile(new URL("./self_unpacking.sh", import.meta.url));
  const values = new Map<string, string>([
    ["NAME", options.name],
    ["HASH", await hash(payload)],
    ["FLAGS", options.flags.map(quote).join(" ")],
    ["PROGRAM_BYTES", String(packedProgram.length)],
    ["PAYLOAD_LINE", String(template.split("\n").length)],
    ["UNPACKED_MB", String(Math.ceil((runtime.length + program.length) / 1_000_000))],
  ]);
  const head = template.replace(/@([A-Z_]+)@/g, (whole, key: string) => values.get(key) ?? whole);
  // Beside and renamed: a running node keeps the file that it was started from.
  const beside = `${options.output}.tmp-${Deno.pid}`;
  await Deno.writeFile(beside, await new Blob([head, payload]).bytes(), { mode: 0o755 });
  await Deno.rename(beside, options.output);
  return head.length + payload.length;
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

/** Names the cache directory: enough of SHA-256 that two builds never meet. */
async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.subarray(0, 10).toHex();
}

function quote(flag: string): string {
  return `'${flag.replaceAll("'", `'\\''`)}'`;
}
