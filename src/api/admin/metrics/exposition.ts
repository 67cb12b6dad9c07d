/** The text that Prometheus reads, format 0.0.4: families of samples, each with its help and type. */
import type { Histogram } from "../../../base/histogram.ts";

/** What a server says the text is. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels?: Labels;
  readonly histogram: Histogram;
}

/** Collects families; a family comes once, with all its samples. Without samples it is left out. */
export class Exposition {
  #text = "";

  get text(): string {
    return this.#text;
  }

  counter(name: string, help: string, ...samples: readonly (number | Sample)[]): void {
    this.#family(name, "counter", help, samples);
  }

  gauge(name: string, help: string, ...samples: readonly (number | Sample)[]): void {
    this.#family(name, "gauge", help, samples);
  }

  histogram(name: string, help: string, ...samples: readonly HistogramSample[]): void {
    if (samples.length === 0) return;
    this.#head(name, "histogram", help);
    for (const { labels = {}, histogram } of samples) {
      const counts = histogram.counts();
      let cumulative = 0;
      for (const [i, bound] of histogram.bounds.entries()) {
        cumulative += counts[i]!;
        this.#line(`${name}_bucket`, { ...labels, le: String(bound) }, cumulative);
      }
      this.#line(`${name}_bucket`, { ...labels, le: "+Inf" }, histogram.count);
      this.#line(`${name}_sum`, labels, histogram.sum);
      this.#line(`${name}_count`, labels, histogram.count);
    }
  }

  #family(
    name: string,
    type: "counter" | "gauge",
    help: string,
    samples: readonly (number | Sample)[],
  ): void {
    if (samples.length === 0) return;
    this.#head(name, type, help);
    for (const sample of samples) {
      if (typeof sample === "number") this.#line(name, {}, sample);
      else this.#line(name, sample.labels ?? {}, sample.value);
    }
  }

  #head(name: string, type: string, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  #line(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    const labelled = pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
    this.#text += `${labelled} ${value}\n`;
  }
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
