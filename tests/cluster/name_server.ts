/** A name server on UDP (RFC 1035) that knows what it is given, and nothing of the rest of the world. */

/** A record of a service (RFC 2782). */
export interface ServiceRecord {
  readonly target: string;
  readonly port: number;
  readonly priority?: number;
}

const TYPES = { A: 1, SRV: 33 } as const;
const CLASS_IN = 1;
const NO_SUCH_NAME = 3;
const FAILED = 2;
const HEADER_BYTES = 12;

/** Answers until it is disposed of. */
export class NameServer implements AsyncDisposable {
  /** IPv4 addresses by host, without a final dot. */
  readonly hosts = new Map<string, string>();
  readonly services = new Map<string, readonly ServiceRecord[]>();
  /** Names that it can't tell anything of. */
  readonly failing = new Set<string>();
  /** What it was asked, in order, such as `SRV _etcd-server._tcp.example.com`. */
  readonly asked: string[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #ended: Promise<void>;

  constructor(address: { readonly hostname: string; readonly port: number }) {
    this.#socket = Deno.listenDatagram({ transport: "udp", ...address });
    this.#ended = this.#serve();
  }

  /** As `Deno.resolveDns` takes it. */
  get address(): { readonly ipAddr: string; readonly port: number } {
    const { hostname, port } = this.#socket.addr as Deno.NetAddr;
    return { ipAddr: hostname, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#ended;
  }

  async #serve(): Promise<void> {
    for await (const [query, from] of this.#socket) {
      await this.#socket.send(this.#answer(query), from);
    }
  }

  #answer(query: Uint8Array): Uint8Array<ArrayBuffer> {
    const { name, type, end } = questionOf(query);
    const known = Object.entries(TYPES).find(([, code]) => code === type)?.[0] ?? `${type}`;
    this.asked.push(`${known} ${name}`);
    const bodies = type === TYPES.SRV
      ? (this.services.get(name) ?? []).map(serviceBytes)
      : type === TYPES.A && this.hosts.has(name)
      ? [this.hosts.get(name)!.split(".").map(Number)]
      : [];
    const code = this.failing.has(name)
      ? FAILED
      : this.services.has(name) || this.hosts.has(name)
      ? 0
      : NO_SUCH_NAME;
    // The id of the query; a response that is authoritative; one question and its answers.
    const header = [query[0]!, query[1]!, 0x85, 0x80 | code, 0, 1, ...uint16(bodies.length)];
    const answers = bodies.flatMap((body) => [
      // The name of the question, a minute to live.
      ...[0xc0, HEADER_BYTES, ...uint16(type), ...uint16(CLASS_IN), 0, 0, 0, 60],
      ...[...uint16(body.length), ...body],
    ]);
    return Uint8Array.from([...header, 0, 0, 0, 0, ...query.slice(HEADER_BYTES, end), ...answers]);
  }
}

function questionOf(query: Uint8Array): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  const type = query[at + 1]! * 256 + query[at + 2]!;
  return { name: labels.join(".").toLowerCase(), type, end: at + 5 };
}

function serviceBytes({ target, port, priority = 0 }: ServiceRecord): number[] {
  return [...uint16(priority), 0, 0, ...uint16(port), ...nameBytes(target)];
}

function nameBytes(name: string): number[] {
  const labels = name.split(".").filter((label) => label !== "");
  return [
    ...labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]),
    0,
  ];
}

function uint16(value: number): number[] {
  return [value >> 8, value & 0xff];
}
