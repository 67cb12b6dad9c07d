/** A member's report as another member sent it: nothing of it is believed unseen. */
import type { CertificateView, MemberReport } from "./view.ts";

/** What a field has to be. */
type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isText: Check = (value) => typeof value === "string" && value.length <= TEXT_MAX;
const isBoolean: Check = (value) => typeof value === "boolean";
const isNumberOrNull: Check = (value) => value === null || isNumber(value);
const isOneOf = (...values: readonly string[]): Check => (value) =>
  typeof value === "string" && values.includes(value);
const isListOf = (check: Check): Check => (value) =>
  Array.isArray(value) && value.length <= ITEMS_MAX && value.every(check);
const isObjectOf = (fields: Readonly<Record<string, Check>>): Check => (value) => {
  const found = Object(value) as Record<string, unknown>;
  return Object.entries(fields).every(([name, check]) => check(found[name]));
};

/** Characters of a text, and items of a list. */
const TEXT_MAX = 10_000;
const ITEMS_MAX = 1_000;

const CERTIFICATE: Readonly<Record<keyof CertificateView, Check>> = {
  use: isOneOf("client port", "client authority", "peer port", "peer authority"),
  file: isText,
  subject: isText,
  issuer: isText,
  names: isListOf(isText),
  notBeforeMs: isNumber,
  notAfterMs: isNumber,
};

const PEER: Readonly<Record<keyof MemberReport["peers"][number], Check>> = {
  id: isNumber,
  connected: isBoolean,
  roundTripMs: isNumberOrNull,
};

const FOLLOWER: Readonly<Record<keyof MemberReport["followers"][number], Check>> = {
  id: isNumber,
  matchIndex: isNumber,
  state: isOneOf("probe", "replicate", "snapshot"),
  alive: isBoolean,
};

/** A field that is not here would not compile. */
const REPORT: Readonly<Record<keyof MemberReport, Check>> = {
  id: isNumber,
  version: isText,
  uptimeSeconds: isNumber,
  role: isOneOf("follower", "preCandidate", "candidate", "leader", "learner"),
  term: isNumber,
  leader: isNumber,
  commitIndex: isNumber,
  appliedIndex: isNumber,
  rssBytes: isNumber,
  keys: isNumber,
  directories: isNumber,
  expiring: isNumber,
  watchers: isNumber,
  certificates: isListOf(isObjectOf(CERTIFICATE)),
  peers: isListOf(isObjectOf(PEER)),
  followers: isListOf(isObjectOf(FOLLOWER)),
};

/** Reads it; undefined for anything else. Throws a `SyntaxError` for what is no JSON. */
export function parseReport(body: string): MemberReport | undefined {
  const value: unknown = JSON.parse(body);
  return isObjectOf(REPORT)(value) ? value as MemberReport : undefined;
}
