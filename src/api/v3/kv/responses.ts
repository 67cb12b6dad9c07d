/** From the store's results to KV's responses. */
import type { KeyValue, OperationResult, OperationResultOf } from "../../../store/result.ts";
import type { RangeResult } from "../../../store/kv/range.ts";
import type {
  DeleteRangeResponse,
  KeyValue as KeyValueMessage,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
  TxnResponse,
} from "../messages/kv.ts";
import type { Draft } from "../messages/table.ts";

/** A key as v3 shows it. */
export function toKeyValue({ key, version }: KeyValue): KeyValueMessage {
  return {
    key,
    createRevision: version.createRevision,
    modRevision: version.modRevision,
    version: version.version,
    value: version.value,
    lease: version.lease,
  };
}

type Header = Draft<ResponseHeader>;

/** Of a range. */
export function toRangeResponse(
  { kvs, count, more }: RangeResult,
  header: Header,
): Draft<RangeResponse> {
  return { header, kvs: kvs.map(toKeyValue), count, more };
}

/** Of a put. */
export function toPutResponse(
  { previous }: OperationResultOf<"put">,
  header: Header,
): Draft<PutResponse> {
  return previous === undefined ? { header } : { header, prevKv: toKeyValue(previous) };
}

/** Of a deletion. */
export function toDeleteRangeResponse(
  { deleted, previous }: OperationResultOf<"delete">,
  header: Header,
): Draft<DeleteRangeResponse> {
  return { header, deleted, prevKvs: previous.map(toKeyValue) };
}

/** `revision` is the one after the transaction. */
export function toTxnResponse(
  { succeeded, results }: OperationResultOf<"txn">,
  header: Header,
  revision: number,
): Draft<TxnResponse> {
  const hasWritten = results.some(writes);
  const progress = { revision: hasWritten ? revision - 1 : revision };
  return { header, succeeded, responses: toResponseOps(results, progress, revision) };
}

/** What an inner header tells: the revision before the transaction until something is written. */
interface Progress {
  revision: number;
}

function toResponseOps(
  results: readonly OperationResult[],
  progress: Progress,
  after: number,
): readonly Draft<ResponseOp>[] {
  return results.map((result) => {
    if (result.type !== "txn" && writes(result)) progress.revision = after;
    return toResponseOp(result, progress, after);
  });
}

function writes(result: OperationResult): boolean {
  switch (result.type) {
    case "put":
      return true;
    case "delete":
      return result.deleted > 0;
    case "range":
      return false;
    case "txn":
      return result.results.some(writes);
  }
}

/** Within a transaction a header tells the revision and nothing else; a nested one's tells nothing. */
function toResponseOp(
  result: OperationResult,
  progress: Progress,
  after: number,
): Draft<ResponseOp> {
  const header = { revision: progress.revision };
  switch (result.type) {
    case "range":
      return { kind: "range", value: toRangeResponse(result, header) };
    case "put":
      return { kind: "put", value: toPutResponse(result, header) };
    case "delete":
      return { kind: "deleteRange", value: toDeleteRangeResponse(result, header) };
    case "txn": {
      const { succeeded, results } = result;
      const responses = toResponseOps(results, progress, after);
      return { kind: "txn", value: { header: {}, succeeded, responses } };
    }
  }
}
