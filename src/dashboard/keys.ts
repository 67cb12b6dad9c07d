/**
 * The key tree for the page: a file with the beginning of its value, or a
 * directory page by page, so that neither a value of a megabyte nor a hundred
 * thousand children cost more than what is looked at.
 */
import { isUtf8 } from "node:buffer";
import type { ReplyOrFault } from "../http/exchange.ts";
import { fault } from "../http/fault.ts";
import { urlencodedFields } from "../http/form.ts";
import type { Route, RouteHandler } from "../http/router.ts";
import { longerThan } from "../http/path.ts";
import { isReserved, RESERVED_ROOT, viewMembership } from "../service/membership_view.ts";
import type { Who } from "../service/auth/credentials.ts";
import type { ServeWith } from "../service/auth/gate.ts";
import type { Service } from "../service/service.ts";
import { type Rights, touchesBelow } from "../store/auth/rights.ts";
import { type ByteString, byteStringOf, textOf } from "../store/byte_string.ts";
import { ROOT } from "../store/path.ts";
import type { Item } from "../store/tree/listing.ts";
import type { Store } from "../store/store.ts";
import { failureReply, rejectionReply } from "./faults.ts";
import { keyIn, leaseOf } from "./flat.ts";
import { CHILDREN_MAX, CHILDREN_UNITS_MAX, PREVIEW_LENGTH, VALUE_LENGTH } from "./limits.ts";
import { problemReply, whoSits } from "./session.ts";
import type { ChildView, KeyContent, KeyView } from "./view.ts";
import { writeMethods } from "./writes.ts";

/** Where the page reads and writes keys. */
const KEYS_PATH = "/dashboard/api/keys";

const FIELDS = new Set(["after", "whole"]);

/** `guarded` wraps what changes something. */
export function dashboardKeysRoute(
  service: Service,
  keyBytesMax: number,
  guarded: (write: RouteHandler) => RouteHandler,
): Route {
  const { POST, DELETE } = writeMethods(service, keyBytesMax);
  return {
    path: KEYS_PATH,
    subtree: true,
    methods: {
      GET: (exchange, key, query) => readKey(service, keyBytesMax, whoSits(exchange), key, query),
      POST: guarded(POST!),
      DELETE: guarded(DELETE!),
    },
  };
}

function readKey(
  service: Service,
  keyBytesMax: number,
  who: Who,
  key: string,
  query: string,
): ReplyOrFault | Promise<ReplyOrFault> {
  const fields = urlencodedFields("", query, FIELDS);
  if ("cause" in fields) return fault(400, fields.cause);
  const after = fields.get("after") ?? "";
  if (longerThan(key + after, keyBytesMax)) {
    return fault(414, `Expected a key of at most ${keyBytesMax} bytes, found a longer one`);
  }
  if (/[/\0]/.test(after)) return fault(400, `Expected the name of a child, found "${after}"`);
  const length = fields.get("whole") === "true" ? Infinity : VALUE_LENGTH;
  const serve: ServeWith<ReplyOrFault> = (store, nowMs, rights) => {
    if (!isReserved(key) && !mayEnter(rights, store, byteStringOf(key))) {
      return problemReply("permissionDenied");
    }
    const content = isReserved(key)
      ? viewReserved(service, key)
      : viewKey(store, rights, key, after, length, nowMs);
    if (content === undefined) {
      return rejectionReply({ reason: "keyNotFound", key: byteStringOf(key) });
    }
    const view: KeyView = { ...content, nowMs: service.node.nowMs() };
    return { status: 200, body: JSON.stringify(view) };
  };
  return service.auth.read<ReplyOrFault>(who, serve, problemReply, failureReply);
}

/** Whether anything that the page shows of `key` may be seen: the way to what may be read is shown, too. */
function mayEnter(rights: Rights, store: Store, key: ByteString): boolean {
  return store.hasKey(key) ? rights.has("read", key) : touchesBelow(rights, "read", key);
}

function viewKey(
  store: Store,
  rights: Rights,
  key: string,
  after: string,
  length: number,
  nowMs: number,
): KeyContent | undefined {
  const bytes = byteStringOf(key);
  const found = store.read(bytes, nowMs);
  if (found === undefined) return undefined;
  if (!found.isDirectory) {
    const kv = keyIn(store, bytes);
    return viewFile(found, length, kv === undefined || isUtf8(kv.version.value), kv && leaseOf(kv));
  }
  // Always on the first page, so that a long listing does not hide who is in the cluster.
  const seen = key === ROOT && after === "" ? [RESERVED_CHILD] : [];
  let count = 0;
  let units = 0;
  for (const child of readable(store, rights, bytes, nowMs, byteStringOf(after))) {
    if (count >= CHILDREN_MAX || units >= CHILDREN_UNITS_MAX) return viewDirectory(key, seen, true);
    seen.push(viewChild(child));
    count++;
    units += child.value.length;
  }
  return viewDirectory(key, seen, false);
}

/**
 * The children after the one named `after` that may be seen. The others are passed over
 * here: a page without any would have no child to go on from.
 */
function* readable(
  store: Store,
  rights: Rights,
  directory: ByteString,
  nowMs: number,
  after: ByteString,
): Generator<Item, void> {
  for (let from = after;;) {
    const page = store.page(directory, nowMs, from, CHILDREN_MAX, CHILDREN_UNITS_MAX);
    for (const child of page) {
      if (child.key !== RESERVED_ROOT && mayBeListed(rights, child)) yield child;
    }
    const last = page.at(-1);
    if (last === undefined) return;
    from = nameOf(last.key);
  }
}

function mayBeListed(rights: Rights, { isDirectory, key }: Item): boolean {
  return isDirectory ? touchesBelow(rights, "read", key) : rights.has("read", key);
}

function viewReserved({ node }: Service, key: string): KeyContent | undefined {
  const found = viewMembership(key, node.configuration());
  if (found === undefined) return undefined;
  if (!("key" in found)) return viewDirectory(key, found.map(viewChild), false);
  return viewFile(found, Infinity);
}

function viewFile(
  { key, value, setIndex, deadlineMs }: Item,
  length: number,
  isText = true,
  lease = "",
): KeyContent {
  const path = textOf(key);
  return {
    kind: "file",
    key: path,
    value: value.slice(0, length),
    length: value.length,
    setIndex,
    deadlineMs,
    reserved: isReserved(path),
    isText,
    lease,
  };
}

function viewDirectory(
  key: string,
  children: readonly ChildView[],
  more: boolean,
): KeyContent {
  return { kind: "directory", key, children, more };
}

function viewChild({ key, isDirectory, value, deadlineMs }: Item): ChildView {
  return {
    name: textOf(nameOf(key)),
    dir: isDirectory,
    length: value.length,
    preview: value.slice(0, PREVIEW_LENGTH),
    deadlineMs,
  };
}

const RESERVED_CHILD: ChildView = {
  name: RESERVED_ROOT.slice(1),
  dir: true,
  length: 0,
  preview: "",
  deadlineMs: 0,
};

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
