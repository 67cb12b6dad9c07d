/** What happens under a prefix, as it happens. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { EventView } from "../view.ts";
import type { ApiError } from "./api.ts";
import { encodeKey } from "./curl.ts";
import { count, oneLine } from "./format.ts";
import { Curl, Empty, ErrorNote } from "./parts.tsx";
import { hashOf } from "./state.ts";
import { changes } from "./tree_state.ts";

/** Events that are shown; older ones go. */
const EVENTS_MAX = 500;

interface Seen extends EventView {
  /** Undefined for what happened before somebody looked. */
  readonly seenMs: number | undefined;
}

/** `path`: the prefix. */
export function Events({ path }: { path: string }) {
  const events = useSignal<readonly Seen[]>([]);
  /** Of the newest one, though it may have been cleared. */
  const lastIndex = useSignal(0);
  const gaps = useSignal(0);
  const paused = useSignal(false);
  const trouble = useSignal<ApiError | undefined>(undefined);
  useEffect(() => {
    if (paused.value) return;
    const ended = new AbortController();
    void collect(path, ended.signal);
    return () => ended.abort();
  }, [path, paused.value]);

  async function collect(prefix: string, signal: AbortSignal): Promise<void> {
    const onTrouble = (error: ApiError | undefined) => trouble.value = error;
    for await (const view of changes(prefix, signal, onTrouble)) {
      if (view.gap) gaps.value++;
      const seenMs = view.earlier ? undefined : Date.now();
      // After a pause the newest ones are known already.
      const newest = view.events.filter(({ index }) => index > lastIndex.value)
        .map((event) => ({ ...event, seenMs })).reverse();
      lastIndex.value = newest[0]?.index ?? lastIndex.value;
      events.value = [...newest, ...events.value].slice(0, EVENTS_MAX);
    }
  }

  return (
    <>
      <h1>Events</h1>
      <section class="card" aria-label="Live events">
        <div class="card-head">
          <PrefixForm path={path} />
          <span class="live">
            <span
              class={`dot ${paused.value ? "" : trouble.value ? "bad" : "good pulse"}`}
              aria-hidden="true"
            />
            {paused.value ? "paused" : trouble.value ? "trying again" : "live"}
          </span>
          <button type="button" class="button" onClick={() => paused.value = !paused.value}>
            {paused.value ? "Go on" : "Pause"}
          </button>
          <button type="button" class="button" onClick={() => events.value = []}>Clear</button>
        </div>
        {trouble.value !== undefined && <ErrorNote error={trouble.value} what="Trying again." />}
        {gaps.value > 0 && (
          <p class="note">
            More happened than the node keeps for looking back: events are missing ({count(
              gaps.value,
            )} {gaps.value === 1 ? "gap" : "gaps"}).
          </p>
        )}
        {events.value.length === 0
          ? (
            <Empty
              title={path === "/" ? "Waiting for a change" : `Waiting for a change under ${path}`}
            >
              <p>Set a key, and it shows up here.</p>
            </Empty>
          )
          : <List events={events.value} />}
        <Curl
          request={{ path: `/v1/watch${encodeKey(path)}` }}
          label="Wait for the next one by curl"
        />
      </section>
    </>
  );
}

function PrefixForm({ path }: { path: string }) {
  const watch = (event: SubmitEvent) => {
    event.preventDefault();
    const input = (event.currentTarget as HTMLFormElement).elements.namedItem("prefix");
    const parts = (input as HTMLInputElement).value.split("/").filter((part) => part !== "");
    location.hash = hashOf("events", `/${parts.join("/")}`);
  };
  return (
    <form class="go-to" onSubmit={watch}>
      <input
        name="prefix"
        aria-label="Prefix"
        defaultValue={path}
        spellcheck={false}
        autocomplete="off"
      />
      <button type="submit" class="button">Watch</button>
    </form>
  );
}

function List({ events }: { events: readonly Seen[] }) {
  return (
    <div role="log" aria-label="Events, the newest first">
      <ol class="events">
        {events.map((event) => (
          <li key={event.index}>
            <span class="event-time muted">
              {event.seenMs === undefined
                ? "earlier"
                : new Date(event.seenMs).toLocaleTimeString("en-GB")}
            </span>
            <span
              class={`pill ${event.action === "DELETE" ? "bad" : event.newKey ? "good" : "accent"}`}
            >
              {event.action === "SET" && event.newKey ? "NEW" : event.action}
            </span>
            <a class="event-key" href={hashOf("keys", event.key)}>
              <bdi>{oneLine(event.key)}</bdi>
            </a>
            <span class="event-value">
              {oneLine(event.value)}
              {event.length > event.value.length && " …"}
            </span>
            <span class="muted number">{count(event.index)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
