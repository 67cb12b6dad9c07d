/** The key tree: by mouse, and by arrow keys as the ARIA practices have it for trees. */
import { useRef } from "preact/hooks";
import { countdown } from "./format.ts";
import { Icon } from "./parts.tsx";
import { childKey, parentKey } from "./paths.ts";
import { clockOffsetMs, hashOf, now } from "./state.ts";
import { directories, loadMore, opened, toggle } from "./tree_state.ts";

/** A line of the tree, as it is shown. */
type Line =
  | {
    readonly kind: "item";
    readonly key: string;
    readonly name: string;
    readonly dir: boolean;
    readonly deadlineMs: number;
    readonly level: number;
  }
  | {
    readonly kind: "more" | "note";
    readonly key: string;
    readonly text: string;
    readonly level: number;
  };

/** `selected`: the key that is shown beside it. */
export function Tree({ selected }: { selected: string }) {
  const box = useRef<HTMLUListElement>(null);
  const lines: Line[] = [
    { kind: "item", key: "/", name: "/", dir: true, deadlineMs: 0, level: 1 },
    ...linesOf("/", 2),
  ];
  const focusable = lines.some((line) => line.kind === "item" && line.key === selected)
    ? selected
    : "/";
  return (
    <ul
      class="tree"
      role="tree"
      aria-label="Keys"
      ref={box}
      onKeyDown={(event) => onKeyDown(event, box.current!)}
    >
      {lines.map((line) =>
        line.kind === "item"
          ? (
            <Item
              key={line.key}
              line={line}
              selected={line.key === selected}
              focusable={line.key === focusable}
            />
          )
          : (
            <li
              key={`${line.kind} ${line.key}`}
              role="none"
              style={{ "--level": String(line.level) }}
            >
              {line.kind === "note"
                ? <span class="tree-note">{line.text}</span>
                : (
                  <button type="button" class="tree-more" onClick={() => void loadMore(line.key)}>
                    {line.text}
                  </button>
                )}
            </li>
          )
      )}
    </ul>
  );
}

function linesOf(directory: string, level: number): Line[] {
  if (!opened.value.has(directory)) return [];
  const known = directories.value.get(directory);
  if (known === undefined) return [];
  const lines: Line[] = known.children.flatMap(({ name, dir, deadlineMs }) => {
    const key = childKey(directory, name);
    const line: Line = { kind: "item", key, name, dir, deadlineMs, level };
    return dir ? [line, ...linesOf(key, level + 1)] : [line];
  });
  if (known.loading) lines.push({ kind: "note", key: directory, text: "Loading …", level });
  else if (known.error !== undefined) {
    lines.push({ kind: "more", key: directory, text: `${known.error.message}, try again`, level });
  } else if (known.more) lines.push({ kind: "more", key: directory, text: "Show more", level });
  else if (known.children.length === 0) {
    lines.push({ kind: "note", key: directory, text: "empty", level });
  }
  return lines;
}

function Item({ line: { key, name, dir, deadlineMs, level }, selected, focusable }: {
  line: Line & { kind: "item" };
  selected: boolean;
  focusable: boolean;
}) {
  const open = opened.value.has(key);
  return (
    <li role="none" style={{ "--level": String(level) }}>
      <a
        class="tree-item"
        role="treeitem"
        href={hashOf("keys", key)}
        aria-level={level}
        aria-selected={selected}
        aria-expanded={dir ? open : undefined}
        tabIndex={focusable ? 0 : -1}
        data-key={key}
        onClick={() => dir && selected && key !== "/" && toggle(key)}
      >
        {dir
          ? (
            <span
              class={`twist ${open ? "open" : ""}`}
              onClick={(event) => {
                event.preventDefault();
                event.stopPropagation();
                toggle(key);
              }}
            >
              <Icon name="chevron" />
            </span>
          )
          : <span class="twist" />}
        <Icon name={dir ? "folder" : "file"} />
        <bdi class="tree-name">{name}</bdi>
        {deadlineMs !== 0 && <Ttl deadlineMs={deadlineMs} />}
      </a>
    </li>
  );
}

/** What is left of a key's time. */
export function Ttl({ deadlineMs }: { deadlineMs: number }) {
  return (
    <span class="ttl">
      <Icon name="clock" />
      {countdown(deadlineMs - now.value - clockOffsetMs.value)}
    </span>
  );
}

function onKeyDown(event: KeyboardEvent, box: HTMLElement): void {
  const item = (event.target as HTMLElement).closest<HTMLElement>("[role=treeitem]");
  if (item === null) return;
  const items = [...box.querySelectorAll<HTMLElement>("[role=treeitem]")];
  const at = items.indexOf(item);
  const key = item.dataset.key ?? "/";
  const expanded = item.getAttribute("aria-expanded");
  const target = (): HTMLElement | undefined => {
    switch (event.key) {
      case "ArrowDown":
        return items[at + 1];
      case "ArrowUp":
        return items[at - 1];
      case "Home":
        return items[0];
      case "End":
        return items.at(-1);
      case "ArrowRight":
        if (expanded === "false") toggle(key, true);
        return expanded === "true" ? items[at + 1] : item;
      case "ArrowLeft":
        if (expanded === "true") toggle(key, false);
        return expanded === "true"
          ? item
          : items.find(({ dataset }) => dataset.key === parentKey(key)) ?? item;
      case " ":
        item.click();
        return item;
    }
    return undefined;
  };
  const next = target();
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
