/**
 * What must be true of the times alone (Gibbons & Korach, "Testing shared
 * memories", 1997): a value stands in one span, from its writer to the last who
 * sees it, and no two spans overlap. And a span ends when somebody replaces what
 * he found. Finds most broken histories at once, for which the search would have
 * to try everything before it may say so.
 */
import { describe } from "./history.ts";
import { type Demand, KEEP, MISSING } from "./register.ts";

/** By `low` somebody who met the value has returned; at `high` somebody is called who will meet it. */
interface Zone {
  low: number;
  high: number;
  first: Demand;
  last: Demand;
}

/** Undefined when the times allow an order; else two operations that no order can hold, in words. */
export function overlap(demands: readonly Demand[]): string | undefined {
  const late = replacedTwice(demands);
  if (late !== undefined) return late;
  const zones = [...zonesOf(demands).values()];
  const spans = zones.filter(({ low, high }) => low < high).toSorted((a, b) => a.low - b.low);
  for (const [place, zone] of spans.entries()) {
    const next = spans[place + 1];
    if (next !== undefined && next.low < zone.high) return tell(zone, next);
  }
  for (const zone of zones) {
    if (zone.low < zone.high) continue;
    const around = lastBefore(spans, zone.high);
    if (around !== undefined && zone.low < around.high) return tell(around, zone);
  }
  return undefined;
}

/** Somebody who met a value although another one had replaced it before he asked, or did so as well. */
function replacedTwice(demands: readonly Demand[]): string | undefined {
  const replacers = new Map<number, Demand>();
  for (const demand of demands) {
    const { need, next } = demand;
    if (need <= MISSING || need === Infinity || next === KEEP) continue;
    const other = replacers.get(need);
    if (other !== undefined) return tellTwice(other, demand);
    replacers.set(need, demand);
  }
  for (const demand of demands) {
    const replacer = replacers.get(demand.need);
    if (replacer !== undefined && demand.call > replacer.end) return tellTwice(replacer, demand);
  }
  return undefined;
}

function tellTwice(replacer: Demand, late: Demand): string {
  return `no order fits: ${describe(replacer.operation)} replaced what was found again by ` +
    `${describe(late.operation)}`;
}

function zonesOf(demands: readonly Demand[]): Map<number, Zone> {
  const zones = new Map<number, Zone>();
  const meet = (state: number, demand: Demand) => {
    if (state <= MISSING || state === Infinity) return;
    const { call, end } = demand;
    const zone = zones.get(state);
    if (zone === undefined) {
      zones.set(state, { low: end, high: call, first: demand, last: demand });
      return;
    }
    if (end < zone.low) Object.assign(zone, { low: end, first: demand });
    if (call > zone.high) Object.assign(zone, { high: call, last: demand });
  };
  for (const demand of demands) {
    meet(demand.need, demand);
    meet(demand.next, demand);
  }
  return zones;
}

/** Of `spans`, which do not overlap and are in order, the last that begins before `at`. */
function lastBefore(spans: readonly Zone[], at: number): Zone | undefined {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle]!.low < at) low = middle + 1;
    else high = middle;
  }
  return spans[low - 1];
}

function tell(one: Zone, other: Zone): string {
  return `no order fits: what stood between ${describe(one.first.operation)} and ` +
    `${describe(one.last.operation)} was another value at ${describe(other.first.operation)}`;
}
