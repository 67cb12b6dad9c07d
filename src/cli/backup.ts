/**
 * `etcd backup FILE`: takes a backup from a running member, and keeps it only when
 * it is whole. Standard output, `-`, gets it from a file that nobody else sees: a
 * pipe can't be taken back.
 */
import { messageOf } from "../base/errors.ts";
import { type BackupDescription, proveBackup, type ProvenBackup } from "../storage/backup_file.ts";
import { openReadOnlyFile } from "../storage/read_only_disk.ts";
import { type Client, connect } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { DATA_OPTIONS, exists, spoken } from "./data_files.ts";
import { amount, ProgressLine } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/**
 * How long a server may be silent between two portions. Longer than it waits for
 * a client itself (20 s), so that its own reason for breaking off is heard first.
 */
const STALL_MS = 30_000;

/** Runs it. The file comes to its name when it is synced and proven. `stallMs` is for tests. */
export async function runBackup(invocation: Invocation, stallMs = STALL_MS): Promise<number> {
  const { settings, operands, terminal } = invocation;
  const file = operands[0]!;
  if (file === "-") return await toStandardOutput(invocation, stallMs);
  checkTarget(file, settings.boolean("force"));
  const part = `${file}.part`;
  // Locked until it has its name, or is gone.
  using output = await locally(`write "${file}"`, () => openPart(part));
  let proven: ProvenBackup;
  try {
    proven = await take(invocation, { file, part, output, stallMs });
    await locally(`write "${file}"`, () => Deno.rename(part, file));
  } catch (error) {
    if (exists(part)) await locally(`remove "${part}"`, () => Deno.remove(part));
    throw error;
  }
  terminal.write(saved(invocation, proven, `"${file}"`));
  return EXIT.ok;
}

/** What was left of a backup that was killed is written over; one that is under way is not. */
async function openPart(part: string): Promise<Deno.FsFile> {
  const output = await Deno.open(part, { write: true, create: true, mode: 0o600 });
  try {
    // Whoever had the lock until just now may have given the file its name.
    if (!await output.tryLock(true) || Deno.statSync(part).ino !== output.statSync().ino) {
      throw new Error("another backup is being written there");
    }
    if (output.statSync().size > 0) output.truncateSync();
    return output;
  } catch (error) {
    output.close();
    throw error;
  }
}

async function toStandardOutput(invocation: Invocation, stallMs: number): Promise<number> {
  const { terminal } = invocation;
  if (terminal.isScreen) {
    throw new CommandError("A backup is no text for a screen: name a file, or give it to a pipe");
  }
  const file = "a temporary file";
  const part = await locally(`write ${file}`, () => Deno.makeTempFile({ prefix: "etcd-backup-" }));
  try {
    using output = await locally(`write ${file}`, () => Deno.open(part, { write: true }));
    const proven = await take(invocation, { file: part, part, output, stallMs });
    const input = await locally(`read ${file}`, () => Deno.open(part));
    for await (const portion of input.readable) terminal.writeBytes(portion);
    // Where the result has gone is no place for this.
    terminal.say(saved(invocation, proven, "to standard output"));
    return EXIT.ok;
  } finally {
    await locally(`remove "${part}"`, () => Deno.remove(part));
  }
}

interface Place {
  /** As the user calls it. */
  readonly file: string;
  /** Where the bytes go first. */
  readonly part: string;
  readonly output: Deno.FsFile;
  readonly stallMs: number;
}

/** Downloads into `output` and proves what has come. */
async function take(
  { settings, terminal }: Invocation,
  { file, part, output, stallMs }: Place,
): Promise<ProvenBackup> {
  using client = await connect(settings, terminal);
  const isStale = settings.boolean("stale");
  await download(client, { file, output, isStale, stallMs }, terminal);
  return await spoken(() => prove(part));
}

function saved(
  { settings }: Invocation,
  { description, sizeBytes }: ProvenBackup,
  where: string,
): string {
  if (settings.text("o") !== "json") {
    return `Saved ${where}, ${amount(sizeBytes, "bytes")}: ${describeBackup(description)}\n`;
  }
  const file = where.startsWith('"') ? { file: where.slice(1, -1) } : {};
  return `${JSON.stringify({ ...description, ...file, bytes: sizeBytes })}\n`;
}

function checkTarget(file: string, force: boolean): void {
  if (!exists(file)) return;
  if (Deno.statSync(file).isDirectory) {
    throw new CommandError(`Expected a name for the backup, found the directory "${file}"`);
  }
  if (!force) {
    throw new CommandError(`"${file}" exists already: choose another name, or give "-force"`);
  }
}

/** Runs what touches the local disk: when that fails, it is not the server's fault. */
async function locally<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = messageOf(error).replace(/ \(os error \d+\).*$/s, "");
    throw new CommandError(`Cannot ${what}: ${reason}`);
  }
}

/** One line about what a backup is of. */
export function describeBackup(description: BackupDescription): string {
  const { cluster, member, index, time, digest } = description;
  return `cluster ${cluster} by member "${member}", index ${index}, ${time}, digest ${digest}`;
}

interface Download {
  /** As the user calls it. */
  readonly file: string;
  readonly output: Deno.FsFile;
  readonly isStale: boolean;
  readonly stallMs: number;
}

async function download(
  client: Client,
  { file, output, isStale, stallMs }: Download,
  terminal: Terminal,
): Promise<void> {
  const path = `/admin/backup${isStale ? "?stale=true" : ""}`;
  const stalled = new AbortController();
  const stream = await client.open({ method: "GET", path, signal: stalled.signal });
  const silence = new Error(`the server was silent for ${stallMs / 1000} s`);
  const watch = () => setTimeout(() => stalled.abort(silence), stallMs);
  const progress = new ProgressLine(terminal, {
    label: "Backing up",
    total: undefined,
    unit: "bytes",
  });
  let done = 0;
  let timer = watch();
  try {
    for await (const portion of stream) {
      // A slow disk here is no silence there.
      clearTimeout(timer);
      await locally(`write "${file}"`, () => writeAll(output, portion));
      progress.update(done += portion.length);
      timer = watch();
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(
      `The backup broke off after ${amount(done, "bytes")}: ${messageOf(error)}: take it again`,
      EXIT.unreachable,
    );
  } finally {
    clearTimeout(timer);
    progress.finish();
  }
  await locally(`write "${file}"`, () => output.sync());
}

async function writeAll(output: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await output.write(bytes.subarray(at));
}

async function prove(path: string) {
  const file = openReadOnlyFile(path);
  try {
    return await proveBackup(file, path, DATA_OPTIONS);
  } finally {
    file.close();
  }
}
