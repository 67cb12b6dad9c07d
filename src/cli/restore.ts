/** `etcd restore FILE`: makes the data directory of a new cluster's first member from a backup. */
import { formatId } from "../base/ids.ts";
import { type Address, formatAddress, parseAddress } from "../config/address.ts";
import { makeName } from "../config/name.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import { backupSlices, proveBackup, type ProvenBackup } from "../storage/backup_file.ts";
import type { DiskFile } from "../storage/disk.ts";
import type { Identity } from "../storage/identity.ts";
import { openReadOnlyFile } from "../storage/read_only_disk.ts";
import { openRealDisk } from "../storage/real_disk.ts";
import { restoreInto } from "../storage/rebuild.ts";
import { Store } from "../store/store.ts";
import { describeBackup } from "./backup.ts";
import { UsageError } from "../config/usage_error.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { DATA_OPTIONS, newIdentity, spoken } from "./data_files.ts";
import { ProgressLine } from "./progress.ts";
import { shellWord } from "./shell_word.ts";

/** What others dial. */
interface Addresses {
  readonly client: Address;
  readonly peer: Address;
}

/** Runs it. */
export async function runRestore(invocation: Invocation): Promise<number> {
  const { operands, settings, terminal } = invocation;
  const path = operands[0]!;
  if (path === "-") {
    throw new UsageError('Expected a file, found "-": save standard input in a file first');
  }
  const identity = newIdentity(makeName(settings));
  const addresses = { client: addressOf("c", invocation), peer: addressOf("s", invocation) };
  return await spoken(async () => {
    const file = openReadOnlyFile(path);
    try {
      const backup = await prove(file, path, invocation);
      const disk = await openRealDisk(settings.text("d"));
      const slices = backupSlices(file, path, backup, DATA_OPTIONS);
      await restoreInto(
        disk,
        { identity, meta: place(backup, identity, addresses), slices },
        DATA_OPTIONS,
      );
      terminal.write(
        `Restored ${describeBackup(backup.description)}\n` +
          `into "${disk.path}": the first member, "${identity.name}", of the new cluster ${
            formatId(identity.clusterId)
          }\n` +
          startLines(addresses, invocation),
      );
      return EXIT.ok;
    } finally {
      file.close();
    }
  });
}

/** Proves the checksums, and that a store comes of it that is what the backup says. */
async function prove(
  file: DiskFile,
  path: string,
  { terminal }: Invocation,
): Promise<ProvenBackup> {
  const progress = new ProgressLine(terminal, {
    label: "Checking",
    total: file.size(),
    unit: "bytes",
  });
  let done = 0;
  try {
    const backup = await proveBackup(file, path, DATA_OPTIONS, (bytes) => {
      progress.update(done += bytes);
    });
    const store = new Store();
    const found = await store.restore(backupSlices(file, path, backup, DATA_OPTIONS));
    const { digest } = backup.description;
    if (found === digest) return backup;
    throw new CommandError(
      `Expected a state with the digest ${digest} in "${path}", found ${found}: use another backup`,
    );
  } finally {
    progress.finish();
  }
}

function addressOf(flag: "c" | "s", { settings }: Invocation): Address {
  return parseAddress(settings.text(flag), settings.label(flag), false);
}

/** A node announces the addresses of its own flags, so those given here are given to it, too. */
function startLines({ client, peer }: Addresses, { settings }: Invocation): string {
  const flags = [
    `-d ${shellWord(settings.text("d"))}`,
    ...(settings.isGiven("c") ? [`-c ${shellWord(formatAddress(client))}`] : []),
    ...(settings.isGiven("s") ? [`-s ${shellWord(formatAddress(peer))}`] : []),
  ];
  return `Start it with     etcd ${flags.join(" ")}\n` +
    `and others with   etcd -C ${shellWord(formatAddress(peer))} and their own -d, -c and -s\n`;
}

/** The backup's place in the log, with one voter; its addresses are told again when it starts. */
function place(
  { meta }: ProvenBackup,
  { memberId, name }: Identity,
  { client, peer }: Addresses,
): SnapshotMeta {
  const member = {
    id: memberId,
    name,
    peerUrls: [`http://${formatAddress(peer)}`],
    clientUrls: [`http://${formatAddress(client)}`],
    voter: true,
  };
  return { index: meta.index, term: meta.term, configuration: { members: [member], removed: [] } };
}
