/**
 * `etcd restore FILE`: makes the data directory of a new cluster's first member from a
 * backup, or from a snapshot of etcd 3.x.
 */
import { formatId } from "../base/ids.ts";
import { BoltError } from "../bolt/errors.ts";
import { type Address, formatAddress, parseAddress } from "../config/address.ts";
import { makeName } from "../config/name.ts";
import type { Configuration, SnapshotMeta } from "../raft/types.ts";
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
import { type EtcdState, isEtcdSnapshot, readEtcdSnapshot } from "../member/etcd_snapshot.ts";
import { ProgressLine, several } from "./progress.ts";
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
      const content = await isEtcdSnapshot(file)
        ? await ofEtcd(file, path, invocation)
        : await ofBackup(file, path, invocation);
      const disk = await openRealDisk(settings.text("d"));
      const foundation = {
        identity,
        meta: { ...content.place, configuration: alone(identity, addresses) },
        slices: content.slices,
      };
      await restoreInto(disk, foundation, DATA_OPTIONS);
      terminal.write(
        `Restored ${content.description}\n` +
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

/** What is restored, whatever it comes from. */
interface Content {
  readonly place: Pick<SnapshotMeta, "index" | "term">;
  /** The image at that place. */
  readonly slices: Iterable<Uint8Array>;
  readonly description: string;
}

async function ofBackup(file: DiskFile, path: string, invocation: Invocation): Promise<Content> {
  const backup = await prove(file, path, invocation);
  const { index, term } = backup.meta;
  return {
    place: { index, term },
    slices: backupSlices(file, path, backup, DATA_OPTIONS),
    description: describeBackup(backup.description),
  };
}

async function ofEtcd(file: DiskFile, path: string, { terminal }: Invocation): Promise<Content> {
  const progress = new ProgressLine(terminal, {
    label: "Reading",
    total: undefined,
    unit: "items",
  });
  try {
    const state = await readEtcdSnapshot(file, (count) => progress.update(count));
    const { index, term, slices } = state;
    return { place: { index, term }, slices, description: describeSnapshot(path, state) };
  } catch (error) {
    if (!(error instanceof BoltError)) throw error;
    throw new CommandError(
      `"${path}" is damaged or was cut short: save it again, nothing was made of this one ` +
        `(${error.message})`,
    );
  } finally {
    progress.finish();
  }
}

function describeSnapshot(path: string, state: EtcdState): string {
  const { keys, revision, compactedRevision, leases, users, roles } = state;
  const compacted = compactedRevision === 0 ? "" : `, compacted at ${compactedRevision}`;
  const counts = [several(leases, "lease"), several(users, "user"), several(roles, "role")];
  return [
    `etcd's snapshot "${path}": ${several(keys, "key")} at revision ${revision}${compacted}, ` +
    counts.join(", "),
    ...(state.isAuthEnabled ? ["  authentication is on, with the passwords as they were"] : []),
    ...(state.hasChecksum ? [] : ["  it has no checksum: whether it is whole is not known"]),
  ].join("\n");
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

/** One voter; its addresses are told again when it starts. */
function alone({ memberId, name }: Identity, { client, peer }: Addresses): Configuration {
  const member = {
    id: memberId,
    name,
    peerUrls: [`http://${formatAddress(peer)}`],
    clientUrls: [`http://${formatAddress(client)}`],
    voter: true,
  };
  return { members: [member], removed: [] };
}
