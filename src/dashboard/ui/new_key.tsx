/** The form that makes a key. */
import { useSignal } from "@preact/signals";
import { ApiError, write } from "./api.ts";
import { encodeKey } from "./curl.ts";
import { Curl, ErrorNote, Icon } from "./parts.tsx";
import { parentKey } from "./paths.ts";
import { announce, hashOf } from "./state.ts";
import { directories, loadMore } from "./tree_state.ts";
import { TtlField, ValueField } from "./value_form.tsx";

/** `initial`: what the key's field holds at first. */
export function NewKey({ initial }: { initial: string }) {
  const key = useSignal(initial);
  const value = useSignal("");
  const ttl = useSignal("");
  const error = useSignal<ApiError | undefined>(undefined);
  const parts = key.value.split("/").filter((part) => part !== "");
  const path = `/${parts.join("/")}`;
  // A directory is no key: until there is a name, the line shows where it goes.
  const isNamed = parts.length > 0 && !key.value.endsWith("/");
  const shownPath = isNamed ? path : `${path === "/" ? "" : path}/NAME`;
  const fields: [string, string][] = [
    ["value", value.value],
    ...(ttl.value === "" ? [] : [["ttl", ttl.value] as [string, string]]),
  ];
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    error.value = undefined;
    try {
      const { index } = await write(encodeKey(path), fields);
      announce(`Set at index ${index}`);
      if (!directories.value.has(parentKey(path))) void loadMore(parentKey(path));
      location.hash = hashOf("keys", path);
    } catch (problem) {
      error.value = problem as ApiError;
    }
  };
  return (
    <section class="card" aria-label="New key">
      <div class="card-head">
        <h2>
          <Icon name="plus" />New key
        </h2>
      </div>
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>Key</span>
          <input
            name="key"
            value={key.value}
            onInput={(event) => key.value = event.currentTarget.value}
            required
            pattern=".*[^\/]"
            title="A path that ends with a name, such as /config/port"
            spellcheck={false}
            autocomplete="off"
          />
        </label>
        <ValueField label="Value" value={value} />
        <TtlField ttl={ttl} />
        {error.value !== undefined && <ErrorNote error={error.value} />}
        <div class="form-end">
          <button type="submit" class="button primary">Set</button>
        </div>
      </form>
      <Curl request={{ path: `/v1/keys${encodeKey(shownPath)}`, fields }} label="Set by curl" />
    </section>
  );
}
