/**
 * Who did what, as lines of JSON: logins, changes, and what is root's, allowed or not; keys,
 * never a value and never a password. Reads are not among them. Only while authentication is on.
 */
import { type ByteString, textOf } from "../../store/byte_string.ts";
import type { AuthChange } from "../../store/command/auth_command.ts";
import { CLUSTER, type Command, GUEST_USER, type Operation } from "../../store/command/command.ts";
import { patternOfRange } from "./patterns.ts";

/** One line, and its parts before they are text. */
export interface AuditEntry {
  /** "" for who has said nothing, or nothing true. */
  readonly user: ByteString;
  /** The client's, or that of a proxy between; "" when it is not known. */
  readonly address: string;
  readonly action: string;
  /** Keys, patterns and names that it is about. */
  readonly about: readonly string[];
  /** Why not; undefined when it was allowed. */
  readonly refusal: string | undefined;
}

/** Takes an entry; must not throw and never waits. */
export type Audit = (entry: AuditEntry) => void;

/** Of what one line is about: a transaction may have a hundred operations, a key a megabyte. */
const ABOUT_MAX = 16;
const TEXT_MAX = 256;

/** What a command does, and with what. */
export function describeCommand(command: Command): Pick<AuditEntry, "action" | "about"> {
  switch (command.type) {
    case "put":
    case "deleteRange":
    case "range":
    case "txn":
      return { action: command.type, about: bounded(rangesOf(command)) };
    case "auth":
      return { action: "auth", about: bounded(command.changes.map(describeChange)) };
    case "leaseGrant":
    case "leaseRevoke":
      return { action: command.type, about: [BigInt.asUintN(64, command.id).toString(16)] };
    case "compact":
      return { action: command.type, about: [`${command.revision}`] };
    case "alarm":
      return { action: command.type, about: [`${command.action} ${command.alarm}`] };
    case "set":
    case "delete":
    case "expire":
    case "treePut":
    case "treeDelete":
      return { action: command.type, about: bounded([textOf(command.key)]) };
  }
}

/** The line of an entry, with its end. */
export function auditLine(entry: AuditEntry, nowMs: number): string {
  const { user, address, action, about, refusal } = entry;
  return `${
    JSON.stringify({
      time: new Date(nowMs).toISOString(),
      user: nameOf(user),
      ...(address !== "" && { address }),
      action,
      about,
      allowed: refusal === undefined,
      ...(refusal !== undefined && { refusal }),
    })
  }\n`;
}

function nameOf(user: ByteString): string {
  if (user === GUEST_USER) return "(guest)";
  return user === CLUSTER.user ? "(cluster)" : cut(textOf(user));
}

function rangesOf(operation: Operation): string[] {
  if (operation.type === "txn") {
    // What is more than a line holds is not looked at.
    return [...operation.success, ...operation.failure].slice(0, ABOUT_MAX).flatMap(rangesOf);
  }
  const { key } = operation;
  const rangeEnd = operation.type === "put" ? "" : operation.rangeEnd;
  const pattern = patternOfRange({ key, rangeEnd });
  const text = pattern ?? (rangeEnd === "" ? textOf(key) : `${textOf(key)} to ${textOf(rangeEnd)}`);
  return [`${operation.type} ${text}`];
}

function describeChange(change: AuthChange): string {
  const words: string[] = [change.type];
  if ("user" in change) words.push(textOf(change.user));
  if ("role" in change) words.push(textOf(change.role));
  const range = "permission" in change ? change.permission : "key" in change ? change : undefined;
  if (range !== undefined) words.push(patternOfRange(range) ?? `${textOf(range.key)} …`);
  return words.join(" ");
}

function bounded(texts: readonly string[]): string[] {
  const kept = texts.slice(0, ABOUT_MAX).map(cut);
  return texts.length > ABOUT_MAX ? [...kept, "…"] : kept;
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
