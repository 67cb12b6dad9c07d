/** All keys in the order of their bytes, as v3 has them, and one of them. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { FlatKeyView, FlatView } from "../view.ts";
import { ApiError, get } from "./api.ts";
import { characters, count, oneLine } from "./format.ts";
import { Card, Curl, Empty, ErrorNote, KeyViews, Loading } from "./parts.tsx";
import { clockOffsetMs, hashOf } from "./state.ts";
import { Ttl } from "./tree.tsx";

/** The first page is asked for again so often, while no other one is shown. */
const REFRESH_MS = 2000;

/** `hex`: the key that is shown above the list, or "". */
export function Flat({ hex }: { hex: string }) {
  return (
    <>
      <h1 class="offscreen">All keys</h1>
      <KeyViews shown="flat" />
      {hex !== "" && <OneKey key={hex} hex={hex} />}
      <AllKeys />
    </>
  );
}

async function ask(query: Readonly<Record<string, string>>): Promise<FlatView> {
  const view = await get<FlatView>(`flat?${new URLSearchParams(query)}`);
  clockOffsetMs.value = view.nowMs - Date.now();
  return view;
}

function AllKeys() {
  const prefix = useSignal("");
  const pages = useSignal<readonly FlatView[]>([]);
  const error = useSignal<ApiError | undefined>(undefined);
  const isLoadingMore = useSignal(false);
  /** Counts what was asked for: only the newest answer is shown. */
  const asked = useRef(0);
  const load = async (from: string) => {
    const own = ++asked.current;
    isLoadingMore.value = from !== "";
    try {
      const page = await ask({ prefix: prefix.value, from });
      if (own !== asked.current) return;
      pages.value = from === "" ? [page] : [...pages.value, page];
      error.value = undefined;
    } catch (problem) {
      if (own === asked.current) error.value = problem as ApiError;
    } finally {
      if (own === asked.current) isLoadingMore.value = false;
    }
  };
  useEffect(() => {
    void load("");
    const timer = setInterval(() => {
      if (!document.hidden && pages.value.length <= 1 && !isLoadingMore.value) void load("");
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const keys = pages.value.flatMap((page) => page.keys);
  const next = pages.value.at(-1)?.next ?? "";
  return (
    <Card
      title="All keys"
      aside={
        <input
          aria-label="That begin with"
          placeholder="That begin with …"
          value={prefix.value}
          onInput={(event) => {
            prefix.value = event.currentTarget.value;
            pages.value = [];
            void load("");
          }}
          spellcheck={false}
          autocomplete="off"
        />
      }
    >
      {error.value !== undefined && <ErrorNote error={error.value} />}
      {pages.value.length === 0 && error.value === undefined && <Loading what="the keys" />}
      {pages.value.length > 0 && keys.length === 0 && next === "" && (
        <Empty title="There are no such keys" />
      )}
      {keys.length > 0 && <Table keys={keys} />}
      {next !== "" && (
        <button
          type="button"
          class="button wide"
          disabled={isLoadingMore.value}
          onClick={() => void load(next)}
        >
          {isLoadingMore.value ? "Loading …" : "Show more"}
        </button>
      )}
    </Card>
  );
}

function Table({ keys }: { keys: readonly FlatKeyView[] }) {
  return (
    <div class="table-scroll" tabIndex={-1}>
      <table class="flat">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">Value</th>
            <th scope="col" class="number">Version</th>
            <th scope="col" class="number">Created</th>
            <th scope="col" class="number">Changed</th>
            <th scope="col">Lease</th>
          </tr>
        </thead>
        <tbody>
          {keys.map((view) => (
            <tr key={view.hex}>
              <th scope="row">
                <a href={hashOf("flat", `/${view.hex}`)}>
                  <bdi>{nameOf(view)}</bdi>
                </a>
              </th>
              <td class="flat-value" data-label="Value">{oneLine(view.value)}</td>
              <td data-label="Version" class="number">{count(view.version)}</td>
              <td data-label="Created at revision" class="number">{count(view.createRevision)}</td>
              <td data-label="Changed at revision" class="number">{count(view.modRevision)}</td>
              <td data-label="Lease">
                {view.lease}
                {view.deadlineMs !== 0 && <Ttl deadlineMs={view.deadlineMs} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The key as text; in hexadecimal when it is none. */
function nameOf({ key, hex }: FlatKeyView): string {
  return key === null ? `0x${hex}` : oneLine(key);
}

function OneKey({ hex }: { hex: string }) {
  const view = useSignal<FlatKeyView | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const load = async (whole: boolean) => {
    try {
      [view.value] = (await ask({ key: hex, ...(whole && { whole: "true" }) })).keys;
    } catch (problem) {
      error.value = problem as ApiError;
    }
  };
  useEffect(() => void load(false), []);
  if (error.value !== undefined) return <ErrorNote error={error.value} />;
  if (view.value === undefined) return <Loading what="the key" />;
  const { value, length, version, createRevision, modRevision, lease } = view.value;
  return (
    <Card title={nameOf(view.value)}>
      <pre class="value" tabIndex={0} aria-label="Value">{value}</pre>
      {value.length < length && (
        <p class="note">
          These are the first {characters(value.length)} of {count(length)}.{" "}
          <button type="button" class="link" onClick={() => void load(true)}>Load all</button>
        </p>
      )}
      <p class="muted small">
        Version {count(version)}, created at revision {count(createRevision)}, changed at revision
        {" "}
        {count(modRevision)}
        {lease !== "" && `, lease ${lease}`}
      </p>
      <Curl
        request={{ path: "/v3/kv/range", json: `{"key":"${base64(hex)}"}` }}
        label="Read by curl"
      />
    </Card>
  );
}

function base64(hex: string): string {
  const codes = hex.match(/../g) ?? [];
  return btoa(String.fromCharCode(...codes.map((code) => Number.parseInt(code, 16))));
}
