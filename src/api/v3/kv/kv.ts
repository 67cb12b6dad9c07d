/** The KV service: reads by a barrier or as this member knows them, writes through the log. */
import { type Handler, unary } from "../call.ts";
import type { V3Context } from "../context.ts";
import { METHODS } from "../methods.ts";
import { STATUS } from "../statuses.ts";
import { mayRead, readFresh, readStale, write, writeOperation } from "../waist.ts";
import { rejectionStatus } from "../refusal.ts";
import {
  detached,
  isReadOnly,
  isSerializable,
  isStatus,
  toDeleteRange,
  toPut,
  toRange,
  toTxn,
} from "./operations.ts";
import {
  toDeleteRangeResponse,
  toPutResponse,
  toRangeResponse,
  toTxnResponse,
} from "./responses.ts";

/** What answers the KV service. */
export function kvHandlers(v3: V3Context): readonly Handler[] {
  const { headers, limits } = v3;
  return [
    unary(METHODS.kv.range, (request, call) => {
      const operation = toRange(request);
      if (isStatus(operation)) return call.fail(operation);
      const read = request.serializable ? readStale : readFresh;
      read(v3, call, mayRead(operation), (store) => {
        const found = store.range(operation);
        if (typeof found === "string") return call.fail(rejectionStatus(found));
        call.answer(toRangeResponse(found, headers.now()));
      });
    }),

    unary(METHODS.kv.put, (request, call) => {
      const operation = toPut(request);
      if (isStatus(operation)) return call.fail(operation);
      writeOperation(v3, call, operation, ({ revision, result }) => {
        call.answer(toPutResponse(result, headers.at(revision)));
      });
    }),

    unary(METHODS.kv.deleteRange, (request, call) => {
      const operation = toDeleteRange(request);
      if (isStatus(operation)) return call.fail(operation);
      writeOperation(v3, call, operation, ({ revision, result }) => {
        call.answer(toDeleteRangeResponse(result, headers.at(revision)));
      });
    }),

    unary(METHODS.kv.txn, (request, call) => {
      const operation = toTxn(request, limits.txnOperationsMax);
      if (isStatus(operation)) return call.fail(operation);
      if (!isReadOnly(operation)) {
        return writeOperation(v3, call, operation, ({ revision, result }) => {
          call.answer(toTxnResponse(result, headers.at(revision), revision));
        });
      }
      const kept = detached(operation);
      const read = isSerializable(request) ? readStale : readFresh;
      read(v3, call, mayRead(kept), (store) => {
        const found = store.query(kept);
        if (found.kind === "rejected") return call.fail(rejectionStatus(found.reason));
        const { result, revision } = found;
        call.answer(toTxnResponse(result, headers.at(revision), revision));
      });
    }),

    unary(METHODS.kv.compact, ({ revision }, call) => {
      if (revision <= 0) return call.fail(STATUS.compacted);
      const keepEvents = limits.eventsMin;
      write(v3, call, { type: "compact", revision, changeIndex: 0, keepEvents }, (done) => {
        call.answer({ header: headers.at(done.revision) });
      });
    }),
  ];
}
