/** One quantity over the last minutes, drawn by uPlot, with the newest value as text. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { shownTheme } from "./theme.ts";

export interface PlotProps {
  readonly title: string;
  readonly note: string;
  /** Unix seconds. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  readonly show: (value: number) => string;
}

const HEIGHT = 150;

/** All plots share one cursor. */
const cursors = uPlot.sync("minutes");

/** Needs two samples to draw a line. */
export function Plot({ title, note, times, values, show }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  /** The sample under the cursor. */
  const pointed = useSignal<number | null>(null);

  useSignalEffect(() => {
    // The canvas has no style sheet: it is drawn again in the other colours.
    shownTheme.value;
    plot.current?.destroy();
    if (box.current === null) return;
    plot.current = draw(box.current, show, (at) => pointed.value = at);
    plot.current.setData([[...times], [...values]]);
  });
  useEffect(() => plot.current?.setData([[...times], [...values]]), [times, values]);
  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);

  const at = pointed.value ?? values.length - 1;
  const value = values[at] ?? null;
  const when = pointed.value === null
    ? "now"
    : new Date((times[at] ?? 0) * 1000).toLocaleTimeString();
  return (
    <figure class="card plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        <span class="muted">{note}</span>
        <span class="plot-value">{value === null ? "–" : show(value)}</span>
        <span class="muted plot-when">{when}</span>
      </figcaption>
      <div ref={box} class="plot-box" aria-hidden="true" />
      {times.length < 2 && <p class="plot-empty">The first line comes after two samples</p>}
    </figure>
  );
}

function draw(
  box: HTMLElement,
  show: (value: number) => string,
  onPoint: (at: number | null) => void,
): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width: Math.max(box.clientWidth, 100),
      height: HEIGHT,
      padding: [8, 24, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: cursors.key } },
      scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
      axes: [
        {
          ...axis,
          size: 26,
          values: (_, ticks) => ticks.map((tick) => clockTime(tick, ticks)),
          space: 70,
        },
        {
          ...axis,
          size: 58,
          space: 36,
          values: (_, ticks) => ticks.map((tick) => tick === 0 ? "0" : show(tick)),
        },
      ],
      series: [
        {},
        {
          stroke: colour("--accent"),
          fill: colour("--accent-soft"),
          width: 1.75,
          points: { show: false },
          spanGaps: false,
        },
      ],
      hooks: {
        setCursor: [({ cursor: { idx, left = -1 } }) => onPoint(left < 0 ? null : idx ?? null)],
      },
    },
    [[], []],
    box,
  );
}

/** With seconds where minutes would not tell two marks apart. */
function clockTime(seconds: number, ticks: readonly number[]): string {
  const text = new Date(seconds * 1000).toLocaleTimeString("en-GB");
  const isFine = (ticks[1] ?? Infinity) - (ticks[0] ?? 0) < 60;
  return isFine ? text : text.slice(0, 5);
}
