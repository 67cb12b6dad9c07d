/** The enums of keys, events and transactions, for the tables and for the codecs by hand. */
import { enumType } from "./scalars.ts";

/** `mvccpb.Event.EventType`. */
export const EVENT_TYPE = enumType("mvccpb.Event_EventType", ["PUT", "DELETE"]);

/** `RangeRequest.SortOrder`. */
export const SORT_ORDER = enumType(
  "etcdserverpb.RangeRequest_SortOrder",
  ["NONE", "ASCEND", "DESCEND"],
);

/** `RangeRequest.SortTarget`. */
export const SORT_TARGET = enumType(
  "etcdserverpb.RangeRequest_SortTarget",
  ["KEY", "VERSION", "CREATE", "MOD", "VALUE"],
);

/** `Compare.CompareResult`. */
export const COMPARE_RESULT = enumType(
  "etcdserverpb.Compare_CompareResult",
  ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"],
);

/** `Compare.CompareTarget`. */
export const COMPARE_TARGET = enumType(
  "etcdserverpb.Compare_CompareTarget",
  ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"],
);
