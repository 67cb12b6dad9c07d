/**
 * `etcd recover`: a cluster has lost its quorum for good, and the directory of one
 * survivor becomes that of the first member of a new cluster. Everything in its
 * log is kept, because any of it may have been acknowledged.
 */
import { formatId } from "../base/ids.ts";
import type { DirectoryContent } from "../storage/directory.ts";
import type { Disk } from "../storage/disk.ts";
import type { Identity } from "../storage/identity.ts";
import { finishRecovery, membersOf, recoverSurvivor, survivorOf } from "../member/recovery.ts";
import { openRealDisk } from "../storage/real_disk.ts";
import { Recovery } from "../storage/rebuild.ts";
import { encodeCommand } from "../store/command/codec.ts";
import { CLUSTER } from "../store/command/command.ts";
import type { Store } from "../store/store.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { DATA_OPTIONS, exists, spoken } from "./data_files.ts";
import { shellWord } from "./shell_word.ts";

/** How long a member that should be gone may take to answer. */
const DIAL_MS = 1_000;

/** Runs it. */
export async function runRecover(invocation: Invocation): Promise<number> {
  const directory = invocation.settings.text("d");
  if (!exists(directory)) {
    throw new CommandError(`Expected a data directory at "${directory}", found nothing there`);
  }
  return await spoken(async () => {
    const disk = await openRealDisk(directory);
    const recovery = await Recovery.open(disk, DATA_OPTIONS);
    try {
      return await recover(recovery, disk, invocation);
    } finally {
      recovery.close();
    }
  });
}

async function recover(recovery: Recovery, disk: Disk, invocation: Invocation): Promise<number> {
  const { terminal, settings } = invocation;
  const { content } = recovery;
  if (content === undefined) {
    terminal.say("A recovery was cut short here; it is brought to its end\n");
    report(await finishRecovery(recovery), invocation);
    return EXIT.ok;
  }
  const survivor = survivorOf(content, disk.path);
  terminal.say(await explain(content, survivor));
  if (!settings.boolean("force") && !await isConfirmed(invocation, survivor)) {
    throw new CommandError("Nothing was changed");
  }
  const identity = await recoverSurvivor(recovery, content, disk, {
    peerUrls: ["http://127.0.0.1:7001"],
    clientUrls: ["http://127.0.0.1:4001"],
    sliceBytes: DATA_OPTIONS.sliceBytes,
    ...(settings.boolean("auth-off") ? { amend: switchAuthOff } : {}),
  });
  report(identity, invocation);
  return EXIT.ok;
}

/** Whoever has the directory has all that it holds: to ask for a password would keep nobody out. */
function switchAuthOff(store: Store, last: number): number {
  const changes = [{ type: "authDisable" }] as const;
  store.apply(last + 1, encodeCommand({ type: "auth", changes, ifRevision: 0 }, CLUSTER));
  return last + 1;
}

async function explain(content: DirectoryContent, survivor: Identity): Promise<string> {
  const { loaded } = content;
  const { index, term } = loaded.entries.at(-1) ?? loaded.snapshot;
  const others = membersOf(content).filter(({ id }) => id !== survivor.memberId);
  const { commitIndex } = loaded.hardState;
  const doubtful = index - Math.max(commitIndex, loaded.snapshot.index);
  const alive: string[] = [];
  for (const { name, peerUrls } of others) {
    if (await anyAnswers(peerUrls)) alive.push(`"${name}"`);
  }
  return [
    `Member "${survivor.name}" of cluster ${formatId(survivor.clusterId)}, ` +
    `last entry: index ${index} of term ${term}`,
    `  its cluster:  ${
      others.map(({ name, peerUrls }) => `"${name}" ${peerUrls.join(" ")}`).join(", ") ||
      "no other member"
    }`,
    "  kept:         everything in this member's log",
    "  may be lost:  what the others acknowledged after that entry; of several survivors,",
    "                recover the one whose last entry has the highest term, then index",
    `  may appear:   ${
      doubtful > 0
        ? `the last ${doubtful} ${
          doubtful === 1 ? "entry is" : "entries are"
        } not known to be committed; of what was\n` +
          "                never acknowledged among them, some may take effect now"
        : "nothing, all of it is known to be committed"
    }`,
    "  then:         a new cluster with a new id; the old members are refused by it, erase their",
    "                directories (-f) and let them join",
    ...(alive.length === 0 ? [] : [
      `  WARNING:      something answers at the address of ${alive.join(" and ")}: if a majority`,
      "                is alive, the quorum is not lost, and this would split the cluster in two",
    ]),
    "",
  ].join("\n");
}

async function anyAnswers(peerUrls: readonly string[]): Promise<boolean> {
  for (const url of peerUrls) if (await answers(url)) return true;
  return false;
}

async function answers(peerUrl: string): Promise<boolean> {
  const { hostname, port } = new URL(peerUrl);
  const dial = Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) })
    .then((connection) => {
      connection.close();
      return true;
    }, () => false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(resolve, DIAL_MS, false));
  try {
    return await Promise.race([dial, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function isConfirmed({ terminal }: Invocation, { name }: Identity): Promise<boolean> {
  terminal.say(`Type the member's name, ${name}, to go on: `);
  return (await terminal.readLine())?.trim() === name;
}

function report({ name, clusterId }: Identity, { terminal, settings }: Invocation): void {
  const directory = settings.text("d");
  terminal.write(
    `Recovered "${directory}": the first member, "${name}", of the new cluster ${
      formatId(clusterId)
    }\n` +
      `Start it with     etcd -d ${shellWord(directory)} and its former flags, without -C\n` +
      `and others with   etcd -d OTHER -C ITS-PEER-ADDRESS, and -f where an old directory is\n`,
  );
}
