/**
 * `etcd migrate`: copies a living etcd into a new cluster, and follows it until the
 * clients have moved.
 *
 * The keys are read in pages, each as of the moment when it is asked for, and a watch that
 * was there before brings what changes meanwhile. A key may be written twice by that, and be
 * older for a moment, but the last thing that is heard of it counts. So no revision has to
 * be held for long, and a compaction at the source matters only when the watch falls behind
 * it. Then, and after a connection was lost, the keys are gone through once more: what is
 * equal is not written again.
 */
import type { ByteString } from "../../store/byte_string.ts";
import { connect, type ConnectionNames } from "../client.ts";
import { CommandError, EXIT, type Invocation } from "../command.ts";
import { Gateway, GatewayError, type GatewayPort } from "../gateway.ts";
import { amount, ProgressLine, several } from "../progress.ts";
import { onOneLine } from "../terminal.ts";
import { type Difference, differences } from "./difference.ts";
import { LeaseCopies } from "./leases.ts";
import { RangeReader } from "./range.ts";
import { type SourceChange, SourceWatch, WatchLostError } from "./source_watch.ts";
import { TargetWriter, type Write } from "./target.ts";
import { type CopiedUsers, copyUsers } from "./users.ts";

const SOURCE_NAMES: ConnectionNames = {
  ...{ peers: "from", cacert: "from-cacert", cert: "from-cert", key: "from-key" },
  ...{ user: "from-user", password: "from-password" },
};

/** Failures in a row after which it gives up, and the pause before it tries again. */
const FAILURES_MAX = 10;
const RETRY_MS = 1_000;

/** How often the source is asked how far it is. */
const LOOK_MS = 1_000;
/** A watch that brings nothing for so long, though there is something, is dead. */
const SILENCE_MS = 30_000;

/** So many differing keys are named. */
const EXAMPLES_MAX = 5;

/** Codes of gRPC that tell of a moment, not of a mistake. */
const PASSING_CODES: readonly number[] = [4, 5, 11, 14];

/** Runs it. */
export async function runMigrate(invocation: Invocation): Promise<number> {
  const { settings, terminal } = invocation;
  using from = await connect(settings, terminal, SOURCE_NAMES);
  using to = await connect(settings, terminal);
  return await new Migration(invocation, new Gateway(from), new Gateway(to)).run();
}

class Migration {
  readonly #invocation: Invocation;
  readonly #sourceGateway: GatewayPort;
  readonly #targetGateway: GatewayPort;
  readonly #source: RangeReader;
  readonly #target: RangeReader;
  /** All changes of the source up to this revision are at the target. */
  #upTo = 0;
  #changes = 0;
  /** Whether the operator has said that the clients no longer write. */
  #isSwitched = false;
  #asked: Promise<void> | undefined;

  constructor(invocation: Invocation, source: GatewayPort, target: GatewayPort) {
    this.#invocation = invocation;
    this.#sourceGateway = source;
    this.#targetGateway = target;
    this.#source = new RangeReader(source);
    this.#target = new RangeReader(target);
  }

  async run(): Promise<number> {
    await this.#checkTarget();
    for (let failures = 1;; failures++) {
      const before = this.#changes;
      try {
        return await this.#attempt();
      } catch (error) {
        // What was carried over stays: there is progress, however often the source fails.
        if (this.#changes > before) failures = 1;
        if (!isPassing(error) || failures >= FAILURES_MAX) throw error;
        this.#say(`${error.message}: going through the keys again`);
        await pause(RETRY_MS);
      }
    }
  }

  /** A cluster that holds something else would lose it. */
  async #checkTarget(): Promise<void> {
    const { keys } = await this.#target.state();
    if (keys === 0 || this.#invocation.settings.boolean("again")) return;
    throw new CommandError(
      `Expected a cluster without keys, found ${
        amount(keys, "items")
      }: to go on with a copy that ` +
        'was cut short give "-again", which makes the cluster equal to the source',
    );
  }

  async #attempt(): Promise<number> {
    const { revision } = await this.#source.state();
    this.#upTo = revision;
    const leases = new LeaseCopies(this.#sourceGateway, this.#targetGateway);
    const watch = new SourceWatch(this.#sourceGateway, revision + 1);
    const writer = new TargetWriter(this.#targetGateway, leases);
    const follow = { watch, writer, leases };
    try {
      // A key that is equal is not written, so nothing else here would renew its lease.
      await leases.settle();
      await this.#copy(follow);
      await this.#followUntilSwitched(follow);
      // First, because what ends with a lease comes by the watch, too.
      await leases.settle();
      await this.#catchUp(follow);
      const users = await copyUsers(this.#sourceGateway, this.#targetGateway);
      const status = await this.#compare(leases);
      await this.#lastChanges(follow);
      this.#tellUsers(users);
      return status;
    } finally {
      await Promise.all([watch.close(), leases.close()]);
    }
  }

  /** Goes through all keys, and takes what changes meanwhile. */
  async #copy(follow: Following): Promise<void> {
    const [{ keys: total }, { keys: there }] = [
      await this.#source.state(),
      await this.#target.state(),
    ];
    const progress = this.#progress("Copying", total);
    const startMs = performance.now();
    let done = 0;
    let written = 0;
    try {
      for await (const page of this.#differences(0, there === 0)) {
        await follow.writer.all(page.writes);
        written += page.writes.length;
        this.#changes += page.writes.length;
        progress.update(done += page.keys);
        await this.#takeWaiting(follow);
      }
    } finally {
      progress.finish();
    }
    const seconds = (performance.now() - startMs) / 1000;
    this.#say(
      `Went through ${several(done, "key")} in ${seconds.toFixed(1)} s, ` +
        `${amount(written, "items")} had to be written`,
    );
  }

  #differences(revision: number, isTargetEmpty: boolean): AsyncGenerator<Difference, void> {
    const [source, target] = [this.#source, this.#target];
    return differences({ source, target, revision, isTargetEmpty });
  }

  /** Carries over what has come by the watch; whether there was anything. */
  async #takeWaiting({ watch, writer, leases }: Following): Promise<boolean> {
    leases.check();
    const batch = watch.take();
    if (batch === undefined) return false;
    await writer.inOrder(batch.changes.map(writeOf));
    this.#changes += batch.changes.length;
    this.#upTo = batch.upTo ?? this.#upTo;
    return true;
  }

  async #followUntilSwitched(follow: Following): Promise<void> {
    if (!this.#isSwitched) {
      this.#asked ??= this.#invocation.terminal.readLine().then(() =>
        void (this.#isSwitched = true)
      );
      this.#say("Following the source: stop the clients that write there, then press Enter");
    }
    const progress = this.#progress("Changes", undefined);
    try {
      let lookMs = performance.now();
      let heardMs = lookMs;
      while (!this.#isSwitched) {
        if (await this.#takeNext(follow)) heardMs = performance.now();
        progress.update(this.#changes);
        const nowMs = performance.now();
        if (nowMs - lookMs < LOOK_MS) continue;
        lookMs = nowMs;
        // Also keeps the login, and finds out that the source is gone.
        const { revision } = await this.#source.state();
        if (revision <= this.#upTo) heardMs = nowMs;
        if (nowMs - heardMs > SILENCE_MS) throw silent(revision);
      }
    } finally {
      progress.finish();
    }
  }

  /** Has at the target everything up to the revision of now. */
  async #catchUp(follow: Following): Promise<void> {
    const { revision } = await this.#source.state();
    let heardMs = performance.now();
    while (this.#upTo < revision) {
      if (await this.#takeNext(follow)) heardMs = performance.now();
      else if (performance.now() - heardMs > SILENCE_MS) throw silent(revision);
    }
  }

  /** The same, after waiting a moment for something to come. */
  async #takeNext(follow: Following): Promise<boolean> {
    await follow.watch.arrival(LOOK_MS / 4);
    return await this.#takeWaiting(follow);
  }

  /** Key by key, at the revision up to which everything was taken. */
  async #compare(leases: LeaseCopies): Promise<number> {
    const revision = this.#upTo;
    const { keys: total } = await this.#source.state();
    const progress = this.#progress("Comparing", total);
    let done = 0;
    let different = 0;
    const examples: ByteString[] = [];
    try {
      for await (const { keys, writes } of this.#differences(revision, false)) {
        different += writes.length;
        for (const write of writes.slice(0, EXAMPLES_MAX - examples.length)) {
          examples.push(write.kind === "put" ? write.item.key : write.key);
        }
        progress.update(done += keys);
        leases.check();
      }
    } finally {
      progress.finish();
    }
    const { terminal } = this.#invocation;
    const compared = `Compared ${several(done, "key")} at revision ${revision} of the source, ` +
      `with values and leases (${leases.size})`;
    if (different === 0) {
      terminal.write(`${compared}: all are equal\n`);
      return EXIT.ok;
    }
    const named = examples.map((key) => onOneLine(key)).join(", ");
    terminal.write(`${compared}: ${different} differ: ${named}: did something else write here\n`);
    return EXIT.failed;
  }

  /** Whoever still wrote at the source is heard of, too. */
  async #lastChanges(follow: Following): Promise<void> {
    const before = this.#upTo;
    await this.#catchUp(follow);
    if (this.#upTo === before) return;
    this.#say(
      `The source was written to meanwhile, up to revision ${this.#upTo}: that has come over, too, ` +
        "and what is written there from now on has not",
    );
  }

  #tellUsers(copied: CopiedUsers | undefined): void {
    const { terminal } = this.#invocation;
    if (copied === undefined) {
      return terminal.write('Users and roles were not copied: that takes "-from-user root"\n');
    }
    const { users, roles } = copied;
    if (users.length + roles === 0) return;
    terminal.write(
      `Copied ${several(roles, "role")} and ${several(users.length, "user")}; no etcd tells ` +
        `passwords, so give each a new one with "etcd user passwd NAME": ${users.join(", ")}\n`,
    );
  }

  #progress(label: string, total: number | undefined): ProgressLine {
    return new ProgressLine(this.#invocation.terminal, { label, total, unit: "items" });
  }

  #say(text: string): void {
    this.#invocation.terminal.say(`etcd migrate: ${text}\n`);
  }
}

interface Following {
  readonly watch: SourceWatch;
  readonly writer: TargetWriter;
  readonly leases: LeaseCopies;
}

function writeOf({ isDeletion, item }: SourceChange): Write {
  return isDeletion ? { kind: "delete", key: item.key } : { kind: "put", item };
}

/** Whether it may be better the next time. */
function isPassing(error: unknown): error is CommandError {
  if (error instanceof GatewayError) return PASSING_CODES.includes(error.code);
  return error instanceof WatchLostError ||
    error instanceof CommandError && error.status === EXIT.unreachable;
}

function silent(revision: number): WatchLostError {
  return new WatchLostError(
    `The source is at revision ${revision}, and its watch has brought nothing for ${
      SILENCE_MS / 1000
    } s`,
    EXIT.unreachable,
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
