/**
 * `GET /admin/backup`: all that the cluster holds, as one stream, from any member.
 * What was acknowledged before the request is in it; with `?stale=true`, which
 * needs no quorum, what this member knows.
 */
import type { Exchange, ReplyOrFault } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import { urlencodedFields } from "../../http/form.ts";
import type { Route } from "../../http/router.ts";
import type { Outcome } from "../../node/ports.ts";
import { failureFault } from "../fault_form.ts";

/** A backup that is being taken. */
export interface OpenBackup {
  /** For the client's file. */
  readonly fileName: string;
  readonly portions: AsyncIterable<Uint8Array>;
  /** Gives up what is not taken yet; after the end it does nothing. */
  cancel(): void;
}

/** Where backups come from. */
export interface BackupSource {
  open(stale: boolean): Promise<Outcome<OpenBackup>>;
}

const FIELDS = new Set(["stale"]);

/** Gives out what `source` opens, also at the path of version 1.0. */
export function backupRoutes(source: BackupSource): Route[] {
  const methods: Route["methods"] = {
    GET: (exchange, _, query) => give(source, exchange, query),
  };
  return [{ path: "/admin/backup", methods }, { path: "/v1/backup", methods }];
}

async function give(
  source: BackupSource,
  exchange: Exchange,
  query: string,
): Promise<ReplyOrFault> {
  const fields = urlencodedFields("", query, FIELDS);
  if ("cause" in fields) return fault(400, fields.cause);
  const contentType = "application/octet-stream";
  // Nobody would want to wait for the length of what is not there yet.
  if (exchange.method === "HEAD") return { status: 200, contentType, body: "" };
  const opened = await source.open(fields.get("stale") === "true");
  if (!opened.ok) return failureFault(opened);
  const { fileName, portions } = opened.value;
  exchange.onGone(() => opened.value.cancel());
  const headers = { "content-disposition": `attachment; filename="${fileName}"` };
  return { status: 200, contentType, headers, body: { portions } };
}
