/** Small parts that every section uses. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ApiError } from "./api.ts";
import { curlLine } from "./curl.ts";
import type { CurlRequest } from "./curl.ts";
import { announce, curlTarget, hashOf } from "./state.ts";

/** Three members and what holds them together. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M16 8.5 9.5 20.5h13z" />
      <circle cx="16" cy="8.5" r="3.6" />
      <circle cx="9" cy="21" r="3.6" />
      <circle cx="23" cy="21" r="3.6" />
    </svg>
  );
}

const ICONS = {
  sun:
    "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 1v3M12 20v3M1 12h3M20 12h3M4.2 4.2l2.1 2.1M17.7 17.7l2.1 2.1M4.2 19.8l2.1-2.1M17.7 6.3l2.1-2.1",
  moon: "M21 13.5A9 9 0 1 1 10.5 3a7 7 0 0 0 10.5 10.5z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M4 12.5l5 5L20 6.5",
  folder: "M3 6.5h6l2 2.5h10v10.5H3z",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
  chevron: "M9 5l7 7-7 7",
  plus: "M12 5v14M5 12h14",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
} as const;

/** Says nothing to screen readers: the text beside it does. */
export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

/** A box with a heading. */
export function Card(
  { title, aside, children, className = "" }: {
    title: string;
    aside?: ComponentChildren;
    children: ComponentChildren;
    className?: string;
  },
) {
  return (
    <section class={`card ${className}`} aria-label={title}>
      <div class="card-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** The same by curl, to be copied. */
export function Curl({ request, label = "The same by curl" }: {
  request: CurlRequest;
  label?: string;
}) {
  const line = curlLine(curlTarget.value, request);
  const copied = useSignal("");
  const copy = async () => {
    if (!await copyText(line)) return announce("The browser refused to copy, select the line");
    copied.value = line;
    announce("Copied");
  };
  return (
    <div class="curl">
      <code tabIndex={0} aria-label={label}>{line}</code>
      <button type="button" class="icon-button" onClick={copy} aria-label={`Copy: ${label}`}>
        <Icon name={copied.value === line ? "check" : "copy"} />
      </button>
    </div>
  );
}

/** The clipboard is there on secure origins only; elsewhere the old way has to do. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

/** What went wrong, in the node's words. */
export function ErrorNote({ error, what = "" }: { error: Error; what?: string }) {
  const detail = error instanceof ApiError ? error.detail : "";
  return (
    <p class="note bad" role="alert">
      <strong>{error.message}.</strong> {detail !== "" && <span>{detail}.</span>} {what}
    </p>
  );
}

/** Where there is nothing: says why, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** The two ways to look at the keys. */
export function KeyViews({ shown }: { shown: "keys" | "flat" }) {
  return (
    <nav class="segments" aria-label="How keys are shown">
      <a href={hashOf("keys")} aria-current={shown === "keys" ? "true" : undefined}>Tree</a>
      <a href={hashOf("flat")} aria-current={shown === "flat" ? "true" : undefined}>All keys</a>
    </nav>
  );
}

/** Something is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <div class="loading" role="status">
      <span class="bar" aria-hidden="true" />
      <span>Loading {what} …</span>
    </div>
  );
}
