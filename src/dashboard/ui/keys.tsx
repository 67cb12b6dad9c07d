/** The keys: the tree, and beside it what is in a directory or a key. */
import { useEffect } from "preact/hooks";
import type { KeyView } from "../view.ts";
import { encodeKey } from "./curl.ts";
import { characters, oneLine } from "./format.ts";
import { FilePanel } from "./file.tsx";
import { NewKey } from "./new_key.tsx";
import { Curl, Empty, ErrorNote, Icon, KeyViews, Loading } from "./parts.tsx";
import { childKey } from "./paths.ts";
import { hashOf, isReadonly } from "./state.ts";
import { Tree, Ttl } from "./tree.tsx";
import {
  directories,
  type Directory,
  followChanges,
  loadMore,
  reveal,
  show,
  shown,
} from "./tree_state.ts";

/** `path`: the key that is shown. */
export function Keys({ path }: { path: string }) {
  useEffect(() => {
    const ended = new AbortController();
    void followChanges(ended.signal);
    return () => ended.abort();
  }, []);
  useEffect(() => {
    reveal(path);
    void show(path);
  }, [path]);
  return (
    <div class="keys">
      <aside class="card tree-card" aria-label="Key tree">
        <KeyViews shown="keys" />
        <GoTo path={path} />
        <Tree selected={path} />
      </aside>
      <div class="key-panel">
        <Breadcrumbs path={path} />
        <Panel key={path} path={path} />
      </div>
    </div>
  );
}

function GoTo({ path }: { path: string }) {
  const go = (event: SubmitEvent) => {
    event.preventDefault();
    const input = (event.currentTarget as HTMLFormElement).elements.namedItem("key");
    const parts = (input as HTMLInputElement).value.split("/").filter((part) => part !== "");
    location.hash = hashOf("keys", `/${parts.join("/")}`);
  };
  return (
    <form class="go-to" onSubmit={go}>
      <input
        key={path}
        name="key"
        aria-label="Go to a key"
        defaultValue={path}
        spellcheck={false}
        autocomplete="off"
      />
      <button type="submit" class="button">Go</button>
    </form>
  );
}

function Breadcrumbs({ path }: { path: string }) {
  const parts = path.split("/").filter((part) => part !== "");
  return (
    <nav class="crumbs" aria-label="Path">
      <a href={hashOf("keys")} aria-current={parts.length === 0 ? "true" : undefined}>root</a>
      {parts.map((part, i) => (
        <span key={i}>
          <span class="muted" aria-hidden="true">/</span>
          <a
            href={hashOf("keys", `/${parts.slice(0, i + 1).join("/")}`)}
            aria-current={i === parts.length - 1 ? "true" : undefined}
          >
            <bdi>{oneLine(part)}</bdi>
          </a>
        </span>
      ))}
    </nav>
  );
}

function Panel({ path }: { path: string }) {
  const { key, view, error } = shown.value;
  if (key !== path) return <Loading what="the key" />;
  if (error?.reason === "keyNotFound") return <Missing path={path} />;
  if (error !== undefined) return <ErrorNote error={error} />;
  if (view === undefined) return <Loading what="the key" />;
  return view.kind === "file" ? <FilePanel view={view} /> : <DirectoryPanel view={view} />;
}

function Missing({ path }: { path: string }) {
  return (
    <>
      <Empty title="There is no such key">
        <p>It was deleted, its time is over, or nobody has set it yet.</p>
      </Empty>
      {!isReadonly.value && <NewKey initial={path} />}
    </>
  );
}

function DirectoryPanel({ view }: { view: KeyView & { kind: "directory" } }) {
  const { key } = view;
  const known: Directory = directories.value.get(key) ??
    { children: view.children, more: view.more, loading: false, error: undefined };
  const isReserved = key === "/_etcd" || key.startsWith("/_etcd/");
  const slash = key === "/" ? "/" : `${encodeKey(key)}/`;
  return (
    <>
      <section class="card" aria-label="Directory">
        <div class="card-head">
          <h1 class="key-title">
            <Icon name="folder" />
            <bdi>{key === "/" ? "All keys" : oneLine(key.slice(key.lastIndexOf("/") + 1))}</bdi>
          </h1>
          <span class="muted">
            {known.children.length}
            {known.more ? " of more" : ""}
            {known.children.length === 1 && !known.more ? " entry" : " entries"}
          </span>
        </div>
        {known.children.length === 0
          ? <Empty title="This directory is empty" />
          : <Children directory={key} known={known} />}
        <Curl request={{ path: `/v1/keys${slash}` }} label="This listing by curl" />
      </section>
      {!isReserved && !isReadonly.value && <NewKey initial={key === "/" ? "/" : `${key}/`} />}
    </>
  );
}

function Children({ directory, known }: { directory: string; known: Directory }) {
  return (
    <>
      <ul class="children">
        {known.children.map(({ name, dir, length, preview, deadlineMs }) => (
          <li key={name}>
            <a href={hashOf("keys", childKey(directory, name))}>
              <Icon name={dir ? "folder" : "file"} />
              <bdi class="child-name">{oneLine(name)}</bdi>
              <span class="child-value">{oneLine(preview)}</span>
              {deadlineMs !== 0 && <Ttl deadlineMs={deadlineMs} />}
              {!dir && <span class="child-size muted">{characters(length)}</span>}
            </a>
          </li>
        ))}
      </ul>
      {known.more && (
        <button
          type="button"
          class="button wide"
          disabled={known.loading}
          onClick={() => void loadMore(directory)}
        >
          {known.loading ? "Loading …" : "Show more"}
        </button>
      )}
    </>
  );
}
