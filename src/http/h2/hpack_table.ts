/** The tables that HPACK refers to: the static one (RFC 7541 Appendix A) and a dynamic one (§2.3.2). */
import type { Field } from "./stream.ts";

/** In order, from index 1 on; a value stands behind "=". */
const STATIC_TEXT = `:authority
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset
accept-encoding=gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

/** Index 1 stands at 0. */
export const STATIC_FIELDS: readonly Field[] = STATIC_TEXT.split("\n").map((line) => {
  const [name = "", ...value] = line.split("=");
  return [name, value.join("=")];
});

/** The first index of each name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_FIELDS.map(([name], i) => [name, i + 1] as const).toReversed(),
);

/** What an entry takes beside its octets (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD = 32;

/** What a field takes of a table, and of a list of fields; its text has one unit an octet. */
export function fieldSize([name, value]: Field): number {
  return name.length + value.length + ENTRY_OVERHEAD;
}

/** The newest entry has the lowest index; the oldest ones give way to new ones. */
export class DynamicTable {
  /** A ring: entry `i`, from 0 on, stands at `#newest - i`. Empty before the first entry: some connections have none. */
  #ring: Field[] = [];
  /** How many there may ever be; a power of two, so that places are found by a mask. */
  readonly #places: number;
  #newest = -1;
  #count = 0;
  #size = 0;
  #sizeMax: number;
  /** Counts the changes: what was decoded or encoded under another number may mean something else. */
  version = 0;

  /** `sizeMax` is the most that `resize` may ever ask for. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
    this.#places = 2 ** Math.ceil(Math.log2(sizeMax / ENTRY_OVERHEAD));
  }

  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#size;
  }

  get sizeMax(): number {
    return this.#sizeMax;
  }

  /** Entry `i`, from 0 on; undefined when there are not so many. */
  at(i: number): Field | undefined {
    return i < this.#count ? this.#ring[(this.#newest - i) & (this.#places - 1)] : undefined;
  }

  /** One that is larger than the whole table empties it (RFC 7541 §4.4). */
  insert(field: Field): void {
    const size = fieldSize(field);
    this.#shrink(this.#sizeMax - size);
    this.version++;
    if (size > this.#sizeMax) return;
    if (this.#ring.length === 0) this.#ring = new Array(this.#places).fill(STATIC_FIELDS[0]!);
    this.#newest = (this.#newest + 1) & (this.#places - 1);
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#size += size;
  }

  resize(sizeMax: number): void {
    this.#sizeMax = sizeMax;
    this.#shrink(sizeMax);
    this.version++;
  }

  #shrink(size: number): void {
    while (this.#count > 0 && this.#size > size) {
      this.#size -= fieldSize(this.at(this.#count - 1)!);
      this.#count--;
    }
  }
}
