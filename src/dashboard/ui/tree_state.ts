/**
 * What the page knows of the key tree: the directories that were opened, page by
 * page, and the key that is shown. Kept fresh by the events of the node.
 */
import { signal } from "@preact/signals";
import type { ChildView, EventsView, EventView, KeyView } from "../view.ts";
import { ApiError, get } from "./api.ts";
import { encodeKey } from "./curl.ts";
import { changedBy, parentKey } from "./paths.ts";
import { pause } from "./pause.ts";
import { clockOffsetMs } from "./state.ts";

/** A directory that was asked for. */
export interface Directory {
  readonly children: readonly ChildView[];
  readonly more: boolean;
  readonly loading: boolean;
  readonly error: ApiError | undefined;
}

/** What is shown beside the tree. */
export interface Shown {
  readonly key: string;
  /** The newest answer; undefined until there is one. */
  readonly view: KeyView | undefined;
  readonly error: ApiError | undefined;
}

/** A directory is asked for again at most so often. */
const REFRESH_MS = 1000;

/** Children that a refresh asks for again at most. */
const REFRESH_CHILDREN_MAX = 1000;

/** By key. */
export const directories = signal<ReadonlyMap<string, Directory>>(new Map());

/** Directories whose children are shown in the tree. */
export const opened = signal<ReadonlySet<string>>(new Set(["/"]));

/** What is shown beside the tree. */
export const shown = signal<Shown>({ key: "", view: undefined, error: undefined });

const NEW: Directory = { children: [], more: false, loading: true, error: undefined };

/** Opens a directory of the tree, or closes it. */
export function toggle(key: string, open = !opened.value.has(key)): void {
  const next = new Set(opened.value);
  if (open) next.add(key);
  else next.delete(key);
  opened.value = next;
  if (open && !directories.value.has(key)) void loadMore(key);
}

/** Opens what is above `key`. */
export function reveal(key: string): void {
  for (let at = key; at !== "/";) {
    at = parentKey(at);
    if (!opened.value.has(at) || !directories.value.has(at)) toggle(at, true);
  }
}

/** The next page of a directory, or its first one. */
export async function loadMore(key: string): Promise<void> {
  const before = directories.value.get(key) ?? NEW;
  put(key, { ...before, loading: true, error: undefined });
  try {
    const page = await fetchPage(key, before.children.at(-1)?.name ?? "");
    put(key, {
      children: [...before.children, ...page.children],
      more: page.more,
      loading: false,
      error: undefined,
    });
  } catch (error) {
    put(key, { ...before, loading: false, error: asApiError(error) });
  }
}

/** Shows `key` beside the tree; `whole` asks for all of a long value. */
export async function show(key: string, whole = false): Promise<void> {
  const isNew = shown.value.key !== key;
  if (isNew) shown.value = { key, view: undefined, error: undefined };
  try {
    const view = await get<KeyView>(`keys${encodeKey(key)}${whole ? "?whole=true" : ""}`);
    clockOffsetMs.value = view.nowMs - Date.now();
    if (shown.value.key !== key) return;
    shown.value = { key, view, error: undefined };
    if (view.kind === "directory") {
      adopt(key, view);
      if (isNew) toggle(key, true);
    }
  } catch (error) {
    if (shown.value.key === key) shown.value = { key, view: undefined, error: asApiError(error) };
  }
}

/** The first page of a directory came by another way. */
function adopt(key: string, view: KeyView & { kind: "directory" }): void {
  const known = directories.value.get(key);
  if (known !== undefined && known.children.length > view.children.length) return;
  put(key, { children: view.children, more: view.more, loading: false, error: undefined });
}

function put(key: string, directory: Directory): void {
  directories.value = new Map(directories.value).set(key, directory);
}

async function fetchPage(
  key: string,
  after: string,
): Promise<KeyView & { readonly kind: "directory" }> {
  const query = after === "" ? "" : `?after=${encodeURIComponent(after)}`;
  const view = await get<KeyView>(`keys${encodeKey(key)}${query}`);
  if (view.kind === "directory") return view;
  throw new ApiError("Expected a directory", 0, "", "it has become a key with a value");
}

/** Loads again what is known of a directory. */
async function refresh(key: string): Promise<void> {
  const wanted = Math.min(directories.value.get(key)?.children.length ?? 0, REFRESH_CHILDREN_MAX);
  let children: readonly ChildView[] = [];
  let more = true;
  try {
    do {
      const page = await fetchPage(key, children.at(-1)?.name ?? "");
      children = [...children, ...page.children];
      more = page.more;
    } while (more && children.length < wanted);
    put(key, { children, more, loading: false, error: undefined });
  } catch (error) {
    // Otherwise the next event, or the user, tries again.
    if (asApiError(error).reason === "keyNotFound") forget(key);
  }
}

/** The directory went with its last key. */
function forget(key: string): void {
  const known = new Map(directories.value);
  known.delete(key);
  directories.value = known;
  toggle(key, false);
}

/** Keeps what is shown fresh until the signal aborts. */
export async function followChanges(signal: AbortSignal): Promise<void> {
  for await (const { events, gap, earlier } of changes("/", signal)) {
    // What is shown was asked for just before, and something may have happened since.
    if (gap || earlier) await Promise.all([...directories.value.keys()].map(refresh));
    else await refreshAfter(events);
    const { key, view } = shown.value;
    const concerned = gap || earlier ||
      events.some((event) => event.key === key || changedBy(event).includes(key));
    // A whole value that was asked for stays until it is asked for again.
    const isWhole = view?.kind === "file" && view.value.length === view.length;
    if (concerned) await show(key, isWhole);
  }
}

/** Of the directories that are known, those that may have changed are asked again. */
async function refreshAfter(events: readonly EventView[]): Promise<void> {
  const stale = new Set(events.flatMap(changedBy));
  await Promise.all([...stale].filter((key) => directories.value.has(key)).map(refresh));
}

/**
 * What happens at or under `path`, in answers at least a second apart; the first
 * one, at once, has what happened shortly before. Goes on after errors.
 */
export async function* changes(
  path: string,
  signal: AbortSignal,
  onTrouble: (error: ApiError | undefined) => void = () => {},
): AsyncGenerator<EventsView & { readonly earlier: boolean }, void> {
  let since: number | undefined;
  while (!signal.aborted) {
    try {
      const query = `events?path=${encodeURIComponent(path)}`;
      const view: EventsView = await get<EventsView>(
        since === undefined ? query : `${query}&since=${since}`,
        signal,
      );
      onTrouble(undefined);
      const earlier = since === undefined;
      const isNews = view.events.length > 0 || view.gap;
      since = view.next;
      if (isNews) yield { ...view, earlier };
      if (isNews && !earlier) await pause(REFRESH_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      onTrouble(asApiError(error));
      await pause(2 * REFRESH_MS, signal);
    }
  }
}

function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(String(error), 0, "", "");
}
