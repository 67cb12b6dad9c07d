/** `etcd backup FILE`: takes a backup from a running member, and keeps it only when it is whole. */
import { type BackupDescription, proveBackup } from "../storage/backup_file.ts";
import { openReadOnlyFile } from "../storage/read_only_disk.ts";
import { connect } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { DATA_OPTIONS, exists, spoken } from "./data_files.ts";
import { amount, Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** Runs it. The file comes to its name when it is synced and proven. */
export async function runBackup({ settings, operands, terminal }: Invocation): Promise<number> {
  const file = operands[0]!;
  if (exists(file) && !settings.boolean("force")) {
    throw new CommandError(`"${file}" exists already: choose another name, or give "-force"`);
  }
  const part = `${file}.part`;
  try {
    using client = connect(settings);
    const path = `/v1/backup${settings.boolean("stale") ? "?stale=true" : ""}`;
    await save(await client.open({ method: "GET", path }), part, terminal);
    const proven = await spoken(() => prove(part));
    Deno.renameSync(part, file);
    terminal.write(
      settings.text("o") === "json"
        ? `${JSON.stringify({ ...proven.description, file, bytes: proven.sizeBytes })}\n`
        : `Saved "${file}", ${amount(proven.sizeBytes, "bytes")}: ${
          describeBackup(proven.description)
        }\n`,
    );
    return EXIT.ok;
  } finally {
    if (exists(part)) Deno.removeSync(part);
  }
}

/** One line about what a backup is of. */
export function describeBackup(description: BackupDescription): string {
  const { cluster, member, index, time, digest } = description;
  return `cluster ${cluster} by member "${member}", index ${index}, ${time}, digest ${digest}`;
}

async function save(
  stream: ReadableStream<Uint8Array>,
  path: string,
  terminal: Terminal,
): Promise<void> {
  const progress = new Progress(terminal, { label: "Backing up", total: undefined, unit: "bytes" });
  const file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  let done = 0;
  try {
    for await (const portion of stream) {
      for (let at = 0; at < portion.length;) at += await file.write(portion.subarray(at));
      progress.update(done += portion.length);
    }
    await file.sync();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `The backup broke off after ${amount(done, "bytes")}: ${reason}: take it again`,
      EXIT.unreachable,
    );
  } finally {
    progress.finish();
    file.close();
  }
}

async function prove(path: string) {
  const file = openReadOnlyFile(path);
  try {
    return await proveBackup(file, path, DATA_OPTIONS);
  } finally {
    file.close();
  }
}
