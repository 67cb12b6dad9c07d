/** One key: its value as text or JSON, its time, and what can be done to it. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { KeyView } from "../view.ts";
import { ApiError, write } from "./api.ts";
import { encodeKey } from "./curl.ts";
import type { CurlRequest } from "./curl.ts";
import { characters, count, oneLine, prettyJson } from "./format.ts";
import { hasMixedEnds } from "./line_ends.ts";
import { Curl, ErrorNote, Icon } from "./parts.tsx";
import { parentKey } from "./paths.ts";
import { announce, hashOf, isReadonly } from "./state.ts";
import { Ttl } from "./tree.tsx";
import { show } from "./tree_state.ts";
import { TtlField, ValueField } from "./value_form.tsx";

type FileView = KeyView & { readonly kind: "file" };
type Action = "set" | "test" | "delete";

/** Values that are longer are not laid out as JSON. */
const JSON_LENGTH_MAX = 256 * 1024;

const ACTIONS: readonly (readonly [Action, string])[] = [
  ["set", "Edit"],
  ["test", "Test and set"],
  ["delete", "Delete"],
];

/** What is known of a key. */
export function FilePanel({ view }: { view: FileView }) {
  const { key, deadlineMs, setIndex, length, reserved, isText, lease } = view;
  const path = `/v1/keys${encodeKey(key)}`;
  return (
    <>
      <section class="card" aria-label="Key">
        <div class="card-head">
          <h1 class="key-title">
            <Icon name="file" />
            <bdi>{oneLine(key.slice(key.lastIndexOf("/") + 1))}</bdi>
          </h1>
          {deadlineMs !== 0 && (
            <span class="pill">
              expires in <Ttl deadlineMs={deadlineMs} />
            </span>
          )}
          {reserved && (
            <span class="pill">
              <Icon name="lock" />the cluster's own
            </span>
          )}
        </div>
        <Value view={view} />
        <p class="muted small">
          {characters(length)}
          {setIndex > 0 && `, set at index ${count(setIndex)}`}
          {lease !== "" && `, lease ${lease}`}
        </p>
        {!isText && <p class="note">Not all of it is text: other bytes are shown as �.</p>}
        <Curl request={{ path }} label="Read by curl" />
      </section>
      {!reserved && !isReadonly.value && <Actions view={view} />}
    </>
  );
}

function Value({ view: { key, value, length } }: { view: FileView }) {
  const wantsJson = useSignal(true);
  const pretty = value.length < length || length > JSON_LENGTH_MAX ? undefined : prettyJson(value);
  const asJson = wantsJson.value && pretty !== undefined;
  return (
    <>
      <div class="segments" role="group" aria-label="Show as">
        <button type="button" aria-pressed={!asJson} onClick={() => wantsJson.value = false}>
          Text
        </button>
        <button
          type="button"
          aria-pressed={asJson}
          disabled={pretty === undefined}
          title={pretty === undefined ? "The value is no JSON object or array" : undefined}
          onClick={() => wantsJson.value = true}
        >
          JSON
        </button>
      </div>
      <pre class="value" tabIndex={0} aria-label="Value">{asJson ? pretty : value}</pre>
      {value.length < length && (
        <p class="note">
          These are the first {characters(value.length)} of {count(length)}.{" "}
          <button type="button" class="link" onClick={() => void show(key, true)}>Load all</button>
        </p>
      )}
    </>
  );
}

function Actions({ view }: { view: FileView }) {
  const action = useSignal<Action>("set");
  const isCut = view.value.length < view.length;
  return (
    <section class="card" aria-label="Change">
      <div class="card-head">
        <h2>Change</h2>
        <div class="segments" role="group" aria-label="What to do">
          {ACTIONS.map(([name, title]) => (
            <button
              key={name}
              type="button"
              aria-pressed={action.value === name}
              onClick={() => action.value = name}
            >
              {title}
            </button>
          ))}
        </div>
      </div>
      {action.value === "delete"
        ? <Delete view={view} />
        : !view.isText
        ? <p class="note">A form would change bytes that are no text: set this value by v3.</p>
        : isCut
        ? <p class="note">Load all of the value before you change it.</p>
        : <Set key={action.value} view={view} test={action.value === "test"} />}
    </section>
  );
}

/** Sets the value; with `test` only if it still is what it was. */
function Set({ view, test }: { view: FileView; test: boolean }) {
  const value = useSignal(view.value);
  const before = useSignal(view.value);
  const ttl = useSignal("");
  const optional = (name: string, text: string): [string, string][] =>
    text === "" ? [] : [[name, text]];
  const fields = [
    ["value", value.value] as const,
    ...(test ? optional("prevValue", before.value) : []),
    ...optional("ttl", ttl.value),
  ];
  const request = { path: `/v1/keys${encodeKey(view.key)}`, fields };
  const take = () => {
    before.value = view.value;
    // What was typed to be set if the old value is there is still meant.
    if (!test) value.value = view.value;
  };
  return (
    <ActionForm
      request={request}
      label={test ? "Test and set by curl" : "Set by curl"}
      act={async () => {
        const { index } = await write(encodeKey(view.key), fields);
        announce(`Set at index ${index}`);
        before.value = value.value;
        await show(view.key, true);
      }}
      button={<button type="submit" class="button primary">{test ? "Test and set" : "Set"}</button>}
    >
      {test && <ValueField label="Only if it is" value={before} />}
      {view.value !== before.value && (
        <p class="note">
          The key has another value now.{" "}
          <button type="button" class="link" onClick={take}>Take that</button>
        </p>
      )}
      <ValueField label="New value" value={value} />
      <TtlField ttl={ttl} />
      {(view.deadlineMs !== 0 || view.lease !== "") && ttl.value === "" && (
        <p class="note">Without a time to live the key stays for ever.</p>
      )}
      {view.lease !== "" && (
        <p class="note">Once set here, the key does not end with its lease any longer.</p>
      )}
      {hasMixedEnds(value.value) && (
        <p class="note">Lines of it end in different ways: after a change they end alike.</p>
      )}
    </ActionForm>
  );
}

function Delete({ view: { key } }: { view: FileView }) {
  const request = { method: "DELETE", path: `/v1/keys${encodeKey(key)}` } as const;
  return (
    <ActionForm
      request={request}
      label="Delete by curl"
      act={async () => {
        const { index } = await write(encodeKey(key), undefined);
        announce(`Deleted at index ${index}`);
        location.hash = hashOf("keys", parentKey(key));
      }}
      button={<button type="submit" class="button danger">Delete this key</button>}
    >
      <p>
        The key and its value go from all members. Watchers see a <code>DELETE</code>.
      </p>
    </ActionForm>
  );
}

function ActionForm({ request, label, act, button, children }: {
  request: CurlRequest;
  label: string;
  act: () => Promise<void>;
  button: ComponentChildren;
  children: ComponentChildren;
}) {
  const error = useSignal<ApiError | undefined>(undefined);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    error.value = undefined;
    try {
      await act();
    } catch (problem) {
      error.value = problem as ApiError;
    }
  };
  return (
    <>
      <form class="form" onSubmit={submit}>
        {children}
        {error.value !== undefined && <ErrorNote error={error.value} />}
        <div class="form-end">{button}</div>
      </form>
      <Curl request={request} label={label} />
    </>
  );
}
