/**
 * All keys for the page as v3 has them: one after the other in the order of their bytes,
 * whether they are a path or not, with their revisions, versions and leases. What the
 * tree can't show is seen here.
 */
import type { ReplyOrFault } from "../http/exchange.ts";
import { fault } from "../http/fault.ts";
import { urlencodedFields } from "../http/form.ts";
import { longerThan } from "../http/path.ts";
import type { RouteHandler } from "../http/router.ts";
import type { ServeWith } from "../service/auth/gate.ts";
import { rangeOfPattern } from "../service/auth/patterns.ts";
import type { Service } from "../service/service.ts";
import type { Rights } from "../store/auth/rights.ts";
import { bytesOf, type ByteString, byteStringAt, isUtf8, textOf } from "../store/byte_string.ts";
import { type Range, rangeOf } from "../store/kv/range.ts";
import type { KeyValue } from "../store/result.ts";
import type { Store } from "../store/store.ts";
import { textOfBytes } from "../store/value.ts";
import { failureReply, rejectionReply } from "./faults.ts";
import { CHILDREN_MAX, PREVIEW_LENGTH, VALUE_BYTES_MAX, VALUE_LENGTH } from "./limits.ts";
import { problemReply, whoSits } from "./session.ts";
import type { FlatKeyView, FlatView } from "./view.ts";

/** `key` and `from` in hexadecimal, `prefix` as text. */
const FIELDS = new Set(["prefix", "from", "key", "whole"]);

const HEX = /^(?:[0-9a-f]{2})*$/;

/** `GET /dashboard/api/flat`: a page of keys, or with `key` one of them. */
export function readFlat(service: Service, keyBytesMax: number): RouteHandler {
  return (exchange, _, query) => {
    const fields = urlencodedFields("", query, FIELDS);
    if ("cause" in fields) return fault(400, fields.cause);
    const [key, from] = [fields.get("key"), fields.get("from") ?? ""];
    const prefix = fields.get("prefix") ?? "";
    for (const hex of [key ?? "", from]) {
      if (!HEX.test(hex)) return fault(400, `Expected a key in hexadecimal, found "${hex}"`);
    }
    if (
      Math.max(from.length, key?.length ?? 0) > 2 * keyBytesMax || longerThan(prefix, keyBytesMax)
    ) {
      return fault(414, `Expected a key of at most ${keyBytesMax} bytes, found a longer one`);
    }
    const length = fields.get("whole") === "true" ? Infinity : VALUE_LENGTH;
    const serve: ServeWith<ReplyOrFault> = (store, _, rights) => {
      const nowMs = service.node.nowMs();
      return key === undefined
        ? json(page(store, rights, prefix, ofHex(from), nowMs))
        : one(store, rights, ofHex(key), length, nowMs);
    };
    return service.auth.read<ReplyOrFault>(whoSits(exchange), serve, problemReply, failureReply);
  };
}

/**
 * A page of the keys that begin with `prefix`, from the key `from` on; undefined when none
 * of them may be seen. Of keys that may not be seen nothing is told, not even by where the
 * next page begins.
 */
function page(
  store: Store,
  rights: Rights,
  prefix: string,
  from: ByteString,
  nowMs: number,
): FlatView | undefined {
  const { key: first, rangeEnd } = rangeOfPattern(`${prefix}*`);
  const range = rangeOf(first, rangeEnd);
  if (!rights.touches("read", range)) return undefined;
  const keys: FlatKeyView[] = [];
  let bytes = 0;
  for (const kv of readable(store, rights, { ...range, start: from > first ? from : first })) {
    if (keys.length >= CHILDREN_MAX || bytes >= VALUE_BYTES_MAX) {
      return { keys, next: hexOf(kv.key), nowMs };
    }
    keys.push(viewOf(kv, PREVIEW_LENGTH));
    bytes += kv.version.value.length;
  }
  return { keys, next: "", nowMs };
}

/** Of each part that may be seen as many keys as a page may need, and the one after them. */
function* readable(store: Store, rights: Rights, range: Range): Generator<KeyValue, void> {
  for (const part of rights.within("read", range)) yield* keysIn(store, part, CHILDREN_MAX + 1);
}

function one(
  store: Store,
  rights: Rights,
  key: ByteString,
  length: number,
  nowMs: number,
): ReplyOrFault {
  if (!rights.has("read", key)) return problemReply("permissionDenied");
  const found = keyIn(store, key);
  if (found === undefined) return rejectionReply({ reason: "keyNotFound", key });
  return json({ keys: [viewOf(found, length)], next: "", nowMs });
}

/** `key` as v3 has it. */
export function keyIn(store: Store, key: ByteString): KeyValue | undefined {
  return keysIn(store, rangeOf(key, ""), 1)[0];
}

/** As etcdctl has it; "" for none. */
export function leaseOf({ version: { lease } }: KeyValue): string {
  return lease === 0n ? "" : lease.toString(16);
}

function keysIn(store: Store, range: Range, max: number): readonly KeyValue[] {
  const found = store.slice(range, 0, max);
  if (typeof found === "string") throw new Error("Expected the newest revision to be readable");
  return found;
}

/** `length`: UTF-16 units of the value that are shown. */
function viewOf(kv: KeyValue, length: number): FlatKeyView {
  const { key, version } = kv;
  const text = textOfBytes(version.value);
  return {
    hex: hexOf(key),
    key: isUtf8(key) ? textOf(key) : null,
    value: text.slice(0, length),
    length: text.length,
    version: version.version,
    createRevision: version.createRevision,
    modRevision: version.modRevision,
    lease: leaseOf(kv),
    deadlineMs: version.deadlineMs,
  };
}

function hexOf(key: ByteString): string {
  return bytesOf(key).toHex();
}

function ofHex(hex: string): ByteString {
  const bytes = Uint8Array.fromHex(hex);
  return byteStringAt(bytes, 0, bytes.length);
}

function json(view: FlatView | undefined): ReplyOrFault {
  if (view === undefined) return problemReply("permissionDenied");
  return { status: 200, body: JSON.stringify(view) };
}
