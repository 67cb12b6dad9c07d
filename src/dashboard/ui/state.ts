/** What all parts of the page share: where it is, what the node said last, how it looks. */
import { batch, computed, effect, signal } from "@preact/signals";
import type { SamplesView, StatusView } from "../view.ts";
import { ApiError, get, NO_ANSWER } from "./api.ts";
import type { CurlTarget } from "./curl.ts";

/** The page's sections, by the first segment of the hash. */
export type Section = "overview" | "keys" | "flat" | "events" | "users" | "certificates";

export interface Route {
  readonly section: Section;
  /** A key for `keys`, a prefix for `events`; for `flat` a slash and a key in hexadecimal, or none. */
  readonly path: string;
}

const POLL_MS = 2000;

/** A node that has stopped, or a cut cable, answers nothing and closes nothing. */
const PATIENCE_MS = 5000;

/** Samples that the plots show. */
const SAMPLES_MAX = 450;

/** Where the page is, from the hash. */
export const route = signal<Route>(parseHash(location.hash));

/** The last answer; undefined until there is one. */
export const status = signal<StatusView | undefined>(undefined);

/** Why the last poll failed; undefined when it did not. */
export const trouble = signal<ApiError | undefined>(undefined);

/** The cluster's time minus this machine's, in ms. */
export const clockOffsetMs = signal(0);

/** Ticks once a second, for countdowns: this machine's time. */
export const now = signal(Date.now());

/** Of the plots, the oldest first; `times` in Unix seconds. */
export const samples = signal<Samples>({ times: [], writes: [], reads: [], sync: [], memory: [] });

/** Columns of equal length. */
export interface Samples {
  readonly times: readonly number[];
  readonly writes: readonly number[];
  readonly reads: readonly number[];
  readonly sync: readonly (number | null)[];
  readonly memory: readonly number[];
}

/** Said once, for a moment: what a write came to. */
export const notice = signal("");

/** Whether the page may change anything. */
export const isReadonly = computed(() => status.value?.mode !== "on");

/** Whom curl lines talk to. */
export const curlTarget = computed<CurlTarget>(() => ({
  origin: location.origin,
  tls: status.value?.clientTls ?? (location.protocol === "https:" ? "server" : "none"),
}));

/** The link to a key or a prefix. */
export function hashOf(section: Section, path = "/"): string {
  const rest = path === "/" ? "" : path.split("/").map(encodeURIComponent).join("/");
  return section === "overview" ? "#/" : `#/${section}${rest}`;
}

function parseHash(hash: string): Route {
  const [, name = "", ...rest] = hash.split("/");
  const section =
    (["keys", "flat", "events", "users", "certificates"] as const).find((one) => one === name) ??
      "overview";
  return { section, path: `/${rest.map(decode).filter((part) => part !== "").join("/")}` };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

let noticeTimer = 0;

/** Says something for a few seconds, to screen readers as well. */
export function announce(text: string): void {
  clearTimeout(noticeTimer);
  notice.value = text;
  noticeTimer = setTimeout(() => notice.value = "", 5000);
}

/** Follows the hash, the clock and the node from now on. */
export function follow(): void {
  addEventListener("hashchange", () => {
    route.value = parseHash(location.hash);
    requestAnimationFrame(keepFocus);
  });
  effect(() => {
    const view = status.value;
    document.title = view === undefined ? "etcd" : `${view.margin.headline} · ${view.node} · etcd`;
  });
  setInterval(() => now.value = Date.now(), 1000);
  document.addEventListener("visibilitychange", () => void pollIfSeen());
  setInterval(() => void pollIfSeen(), POLL_MS);
  void pollIfSeen();
}

/** What was followed may be gone with its section: the keyboard goes on from the content. */
function keepFocus(): void {
  if (document.activeElement !== document.body) return;
  document.getElementById("main")?.focus({ preventScroll: true });
}

let polling = false;

async function pollIfSeen(): Promise<void> {
  if (polling || document.hidden) return;
  polling = true;
  try {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const [view, newer] = await Promise.all([
      get<StatusView>("status", patience),
      get<SamplesView>(`samples?after=${lastSample}`, patience),
    ]);
    batch(() => {
      status.value = view;
      clockOffsetMs.value = view.nowMs - Date.now();
      addSamples(newer);
      trouble.value = undefined;
    });
  } catch (error) {
    trouble.value = error instanceof ApiError ? error : NO_ANSWER;
  } finally {
    polling = false;
  }
}

/** The number of the newest sample here. */
let lastSample = 0;

function addSamples(newer: SamplesView): void {
  // The node has been started again: its count begins again.
  const restarted = newer.last < lastSample;
  lastSample = newer.last;
  if (newer.writes.length === 0) return;
  const before = restarted ? EMPTY : samples.value;
  const { endMs, intervalMs, writes } = newer;
  const times = writes.map((_, i) => (endMs - (writes.length - 1 - i) * intervalMs) / 1000);
  const keep = <T>(old: readonly T[], added: readonly T[]) =>
    [...old, ...added].slice(-SAMPLES_MAX);
  samples.value = {
    times: keep(before.times, times),
    writes: keep(before.writes, writes),
    reads: keep(before.reads, newer.reads),
    sync: keep(before.sync, newer.syncP99Ms),
    memory: keep(before.memory, newer.rssBytes),
  };
}

const EMPTY: Samples = { times: [], writes: [], reads: [], sync: [], memory: [] };
