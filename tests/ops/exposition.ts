/** Reads Prometheus text as strictly as a scraper, and more: every rule of the format that is broken is an error. */

/** etcd's names, which boards know, say a total of what is only there now, and none of what is counted. */
const ODDITIES_OF_ETCD = new Set([
  "etcd_debugging_mvcc_keys_total",
  "etcd_debugging_mvcc_watcher_total",
  "etcd_debugging_mvcc_slow_watcher_total",
  "etcd_debugging_lease_total",
  "etcd_network_snapshot_send_inflights_total",
  "etcd_network_snapshot_receive_inflights_total",
  "etcd_server_health_success",
  "etcd_server_health_failures",
]);

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: ReadonlyMap<string, number>;
}

const HELP = /^# HELP ([a-z_][a-z0-9_]*) (.+)$/;
const TYPE = /^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram)$/;
const SAMPLE = /^([a-z_][a-z0-9_]*)(\{(?:[A-Za-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/;
const SUFFIXES = ["_bucket", "_sum", "_count"];

/** Families by name; samples by what follows the family's name, e.g. `{To="a"}` or `_count`. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("Expected a line end after the last sample");
  const families = new Map<string, Family & { samples: Map<string, number> }>();
  let help: RegExpExecArray | null = null;
  let family: (Family & { samples: Map<string, number> }) | undefined;
  for (const line of text.trimEnd().split("\n")) {
    const type = TYPE.exec(line);
    if (line.startsWith("# HELP")) {
      help = HELP.exec(line);
      if (help === null) throw new Error(`Expected a help line, found "${line}"`);
    } else if (type !== null) {
      const [, name = "", kind = ""] = type;
      if (help?.[1] !== name) throw new Error(`Expected the help of "${name}" before its type`);
      if (families.has(name)) throw new Error(`Expected the family "${name}" once`);
      if (kind === "counter" !== name.endsWith("_total") && !ODDITIES_OF_ETCD.has(name)) {
        throw new Error(`Expected "_total" at the end of counters only, found "${name}" ${kind}`);
      }
      family = { name, type: kind, help: help[2]!, samples: new Map() };
      families.set(name, family);
    } else {
      addSample(line, family);
    }
  }
  for (const family of families.values()) {
    if (family.samples.size === 0) throw new Error(`Expected samples of "${family.name}"`);
    if (family.type === "histogram") checkHistogram(family);
  }
  return families;
}

function addSample(
  line: string,
  family: { name: string; type: string; samples: Map<string, number> } | undefined,
): void {
  const [, name = "", labels = "", text = ""] = SAMPLE.exec(line) ?? [];
  const value = Number(text);
  if (name === "" || text === "" || Number.isNaN(value)) {
    throw new Error(`Expected a sample, found "${line}"`);
  }
  const suffix = family === undefined ? "" : name.slice(family.name.length);
  const allowed = family?.type === "histogram" ? SUFFIXES : [""];
  if (family === undefined || !name.startsWith(family.name) || !allowed.includes(suffix)) {
    throw new Error(`Expected a sample of the family "${family?.name}", found "${line}"`);
  }
  const key = suffix + labels;
  if (family.samples.has(key)) throw new Error(`Expected "${name}${labels}" once`);
  family.samples.set(key, value);
}

/** Buckets grow with their bounds, and the last one holds all. */
function checkHistogram({ name, samples }: Family): void {
  const series = new Map<string, { bound: number; count: number }>();
  for (const [key, value] of samples) {
    if (!key.startsWith("_bucket")) continue;
    const [, before = "", le = ""] = /^_bucket\{(.*?),?le="([^"]+)"\}$/.exec(key) ?? [];
    const bound = le === "+Inf" ? Infinity : Number(le);
    const last = series.get(before) ?? { bound: -Infinity, count: 0 };
    if (!(bound > last.bound) || value < last.count) {
      throw new Error(`Expected cumulative buckets in "${name}", found ${value} at ${le}`);
    }
    series.set(before, { bound, count: value });
  }
  for (const [before, { bound, count }] of series) {
    const labels = before === "" ? "" : `{${before}}`;
    if (bound !== Infinity || samples.get(`_count${labels}`) !== count) {
      throw new Error(`Expected the last bucket of "${name}" to be the count`);
    }
  }
}
