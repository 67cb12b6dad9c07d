/**
 * The key tree for the page: a file with the beginning of its value, or a
 * directory page by page, so that neither a value of a megabyte nor a hundred
 * thousand children cost more than what is looked at.
 */
import type { Reply, ReplyOrFault } from "../http/exchange.ts";
import { fault } from "../http/fault.ts";
import { urlencodedFields } from "../http/form.ts";
import type { Route, RouteHandler } from "../http/router.ts";
import { longerThan } from "../http/path.ts";
import { isReserved, RESERVED_ROOT, viewMembership } from "../service/membership_view.ts";
import type { Service } from "../service/service.ts";
import { ROOT } from "../store/key.ts";
import type { FileItem } from "../store/record.ts";
import type { Listed } from "../store/tree.ts";
import type { Store } from "../store/store.ts";
import { failureReply, rejectionReply } from "./faults.ts";
import { CHILDREN_MAX, CHILDREN_UNITS_MAX, PREVIEW_LENGTH, VALUE_LENGTH } from "./limits.ts";
import type { ChildView, KeyView } from "./view.ts";
import { writeMethods } from "./writes.ts";

/** Where the page reads and writes keys. */
export const KEYS_PATH = "/dashboard/api/keys";

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
      GET: (_, key, query) => readKey(service, keyBytesMax, key, query),
      POST: guarded(POST!),
      DELETE: guarded(DELETE!),
    },
  };
}

function readKey(
  service: Service,
  keyBytesMax: number,
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
  const serve = (store: Store, nowMs: number): Reply => {
    const view = isReserved(key)
      ? viewReserved(service, key, nowMs)
      : viewKey(store, key, after, length, nowMs);
    if (view === undefined) return rejectionReply({ kind: "rejected", reason: "keyNotFound", key });
    return { status: 200, body: JSON.stringify(view) };
  };
  return service.read<ReplyOrFault>(serve, failureReply);
}

function viewKey(
  store: Store,
  key: string,
  after: string,
  length: number,
  nowMs: number,
): KeyView | undefined {
  const found = store.read(key, nowMs);
  switch (found.kind) {
    case "missing":
      return undefined;
    case "file":
      return viewFile(key, found.item, length, nowMs);
    case "directory": {
      const page = store.page(key, nowMs, after, CHILDREN_MAX, CHILDREN_UNITS_MAX);
      const last = page.at(-1);
      const more = last !== undefined &&
        store.page(key, nowMs, nameOf(last.key), 1, 1).length > 0;
      // Always on the first page, so that a long listing does not hide who is in the cluster.
      const reserved: Listed[] = key === ROOT && after === ""
        ? [{ key: RESERVED_ROOT, item: "directory" }]
        : [];
      return viewDirectory(key, [...reserved, ...page], more, nowMs);
    }
  }
}

function viewReserved({ node }: Service, key: string, nowMs: number): KeyView | undefined {
  const found = viewMembership(key, node.configuration());
  if (found === undefined) return undefined;
  if (typeof found !== "string") return viewDirectory(key, found, false, nowMs);
  return viewFile(key, { value: found, setIndex: 0, deadlineMs: 0 }, Infinity, nowMs);
}

function viewFile(
  key: string,
  { value, setIndex, deadlineMs }: FileItem,
  length: number,
  nowMs: number,
): KeyView {
  return {
    kind: "file",
    key,
    value: value.slice(0, length),
    length: value.length,
    setIndex,
    deadlineMs,
    nowMs,
    reserved: isReserved(key),
  };
}

function viewDirectory(
  key: string,
  items: readonly Listed[],
  more: boolean,
  nowMs: number,
): KeyView {
  return { kind: "directory", key, children: items.map(viewChild), more, nowMs };
}

function viewChild({ key, item }: Listed): ChildView {
  const name = nameOf(key);
  if (item === "directory") return { name, dir: true, length: 0, preview: "", deadlineMs: 0 };
  const { value, deadlineMs } = item;
  return {
    name,
    dir: false,
    length: value.length,
    preview: value.slice(0, PREVIEW_LENGTH),
    deadlineMs,
  };
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
