/** Fields that the forms share. */
import type { Signal } from "@preact/signals";
import { withEndsOf, withLineFeeds } from "./line_ends.ts";

/** A value of many lines. */
export function ValueField({ label, value }: { label: string; value: Signal<string> }) {
  return (
    <label class="field">
      <span>{label}</span>
      <textarea
        value={withLineFeeds(value.value)}
        onInput={(event) => value.value = withEndsOf(value.value, event.currentTarget.value)}
        rows={Math.min(12, Math.max(3, value.value.split("\n", 13).length))}
        required
        spellcheck={false}
      />
    </label>
  );
}

/** Whole seconds, or nothing for a key that stays. */
export function TtlField({ ttl }: { ttl: Signal<string> }) {
  return (
    <label class="field short">
      <span>
        Time to live <small>seconds; empty: for ever</small>
      </span>
      <input
        type="number"
        min="1"
        step="1"
        inputMode="numeric"
        value={ttl.value}
        onInput={(event) => ttl.value = event.currentTarget.value}
      />
    </label>
  );
}
