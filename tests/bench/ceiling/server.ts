/**
 * What this platform takes for a durable write, and nothing of ours: a server that counts
 * bytes, syncs them together with those of all who came meanwhile, on a majority of
 * members, and answers the same to everybody. It takes the flags of etcd that a benchmark
 * gives, and is started and loaded as the systems are that it is the ceiling of.
 *
 * No parser, no store, no log that could be read, no elections: the first member leads.
 */
import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import { setImmediate } from "node:timers";
import { parseArgs } from "@std/cli/parse-args";

/** As long as v2's answer to the benchmark's PUT, and enough for whoever asks who leads. */
const BODY = `{"state":"StateLeader"}`.padEnd(160, " ");
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
);
const NOT_LEADING = Buffer.from("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");

/** Of one write in the log: a key of 30 bytes, a value of 128 and some numbers. */
const RECORD_BYTES = 190;
const LOG_BYTES = 16 * 1024 * 1024;
/** Turns of the event loop that a batch waits while it grows, as the node has it. */
const GATHERING_TURNS_MAX = 8;

const HEAD_END = "\r\n\r\n";
const LENGTH = /^content-length: *(\d+)/im;
const PUT = "P".charCodeAt(0);
/** Before a batch on its way to a follower. */
const LENGTH_BYTES = 4;

const flags = parseArgs(Deno.args, {
  string: [
    ...["name", "data-dir", "initial-cluster", "listen-client-urls", "listen-peer-urls"],
    ...["cert-file", "key-file", "trusted-ca-file"],
  ],
});
const peers = (flags["initial-cluster"] ?? "").split(",").map((each) => each.split("="))
  .filter(([name]) => name !== flags.name)
  .map(([, url]) => new URL(url!));
const isLeader = flags.name === "m1";

/** Bytes that are synced, in a file that is as long as it will be, as the log's are. */
class Log {
  readonly #file: Deno.FsFile;
  #at = 0;

  constructor(directory: string) {
    Deno.mkdirSync(directory, { recursive: true });
    this.#file = Deno.openSync(`${directory}/log`, { write: true, createNew: true });
    const zeros = new Uint8Array(LOG_BYTES);
    for (let at = 0; at < LOG_BYTES;) at += this.#file.writeSync(zeros.subarray(at));
    this.#file.syncSync();
    this.#file.seekSync(0, Deno.SeekMode.Start);
  }

  async save(bytes: Uint8Array): Promise<void> {
    if (this.#at + bytes.length > LOG_BYTES) {
      this.#at = 0;
      this.#file.seekSync(0, Deno.SeekMode.Start);
    }
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#at += bytes.length;
    await this.#file.syncData();
  }
}

const log = new Log(flags["data-dir"]!);

/** Batches as the node makes them: one at a time, for all who came during the last one. */
class Batches {
  readonly #followers: readonly Socket[];
  /** How many batches each disk has, this member's first. */
  readonly #saved: number[];
  #begun = 0;
  #waiting: Socket[] = [];
  /** Of the batch under way. */
  #answered: Socket[] | undefined;
  #isScheduled = false;
  #gathered = 0;
  #turns = 0;

  constructor(followers: readonly Socket[]) {
    this.#followers = followers;
    this.#saved = new Array(1 + followers.length).fill(0);
    for (const [at, socket] of followers.entries()) {
      // An octet for each.
      socket.on("data", ({ length }: Uint8Array) => this.#note(1 + at, length));
    }
  }

  add(socket: Socket): void {
    this.#waiting.push(socket);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#answered !== undefined) return;
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    const count = this.#waiting.length;
    if (count === 0) return;
    const grew = count > 1 && count > this.#gathered;
    this.#gathered = count;
    if (grew && this.#turns++ < GATHERING_TURNS_MAX) return this.#schedule();
    this.#gathered = 0;
    this.#turns = 0;
    this.#begun++;
    this.#answered = this.#waiting;
    this.#waiting = [];
    const records = new Uint8Array(count * RECORD_BYTES);
    log.save(records).then(() => this.#note(0, 1));
    for (const socket of this.#followers) socket.write(framed(records));
  };

  /** The disk `at` has so many more batches. */
  #note(at: number, count: number): void {
    this.#saved[at]! += count;
    const disks = this.#saved.filter((saved) => saved >= this.#begun).length;
    if (this.#answered === undefined || 2 * disks <= this.#saved.length) return;
    const answered = this.#answered;
    this.#answered = undefined;
    for (const socket of answered) socket.write(ANSWER);
    this.#schedule();
  }
}

function framed(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length);
  frame.set(bytes, LENGTH_BYTES);
  return frame;
}

/** Resolves when the member at `url` listens. */
async function follower(url: URL): Promise<Socket> {
  for (;;) {
    const socket = connect(Number(url.port), url.hostname);
    try {
      await once(socket, "connect");
      return socket.setNoDelay(true);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Syncs each batch that the leader sends, and says so. */
function obey(leader: Socket): void {
  leader.setNoDelay(true);
  let rest: Buffer = Buffer.alloc(0);
  let saved = Promise.resolve();
  leader.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + rest.readUInt32BE(0);
      if (rest.length < end) return;
      const batch = rest.subarray(LENGTH_BYTES, end);
      rest = rest.subarray(end);
      saved = saved.then(() => log.save(batch)).then(() => void leader.write(Uint8Array.of(1)));
    }
  });
}

/** Answers a PUT when its batch is on a majority of disks, and all else at once. */
function serve(client: Socket, batches: Batches): void {
  client.setNoDelay(true);
  client.on("error", () => {});
  let rest: Buffer = Buffer.alloc(0);
  client.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const headEnd = rest.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const found = LENGTH.exec(rest.toString("latin1", 0, headEnd));
      const end = headEnd + HEAD_END.length + Number(found?.[1] ?? 0);
      if (rest.length < end) return;
      const isWrite = rest[0] === PUT;
      rest = rest.subarray(end);
      if (!isLeader) client.write(NOT_LEADING);
      else if (isWrite) batches.add(client);
      else client.write(ANSWER);
    }
  });
}

const followers = isLeader ? await Promise.all(peers.map(follower)) : [];
const batches = new Batches(followers);
const peerUrl = new URL(flags["listen-peer-urls"]!);
createServer(obey).listen(Number(peerUrl.port), peerUrl.hostname);
const clientUrl = new URL(flags["listen-client-urls"]!);
const onClient = (client: Socket) => serve(client, batches);
const port = clientUrl.protocol === "https:"
  ? createTlsServer({
    cert: Deno.readTextFileSync(flags["cert-file"]!),
    key: Deno.readTextFileSync(flags["key-file"]!),
    ca: Deno.readTextFileSync(flags["trusted-ca-file"]!),
    requestCert: true,
    rejectUnauthorized: true,
  }, onClient)
  : createServer(onClient);
port.listen(Number(clientUrl.port), clientUrl.hostname);
