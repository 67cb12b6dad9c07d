/** Where the lines of a log go: standard error, standard output, files, or several of them. */

/** What `consoleLogger` is given to write to `outputs`; throws what opening a file throws. */
export function logOutputs(
  outputs: readonly string[],
): { readonly write?: (bytes: Uint8Array) => Promise<number>; readonly color?: boolean } {
  if (outputs.length === 1 && outputs[0] === "stderr") return {};
  const targets = outputs.map(openTarget);
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return { write: only, color: false };
  return {
    color: false,
    write: async (bytes) => {
      // One that takes nothing must not keep lines from the others.
      await Promise.allSettled(targets.map((write) => writeAll(write, bytes)));
      return bytes.length;
    },
  };
}

type Write = (bytes: Uint8Array) => Promise<number>;

function openTarget(output: string): Write {
  switch (output) {
    case "stderr":
      return (bytes) => Deno.stderr.write(bytes);
    case "stdout":
      return (bytes) => Deno.stdout.write(bytes);
    default: {
      // For the life of the process; appended to, so that it can be rotated by copying.
      const file = Deno.openSync(output, { append: true, create: true, mode: 0o600 });
      return (bytes) => file.write(bytes);
    }
  }
}

async function writeAll(write: Write, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await write(rest));
}
