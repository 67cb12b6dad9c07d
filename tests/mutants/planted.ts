/** Every planted bug. */
import type { Mutant } from "./mutant.ts";
import { AUTH_MUTANTS } from "./planted/auth.ts";
import { BOLT_MUTANTS } from "./planted/bolt.ts";
import { COMMAND_MUTANTS } from "./planted/commands.ts";
import { DROP_IN_MUTANTS } from "./planted/drop_in.ts";
import { EDGE_MUTANTS } from "./planted/edge.ts";
import { FOUNDING_MUTANTS } from "./planted/founding.ts";
import { HTTP1_MUTANTS } from "./planted/http1.ts";
import { HTTP2_MUTANTS } from "./planted/http2.ts";
import { KEYSPACE_MUTANTS } from "./planted/keyspace.ts";
import { LOGIN_MUTANTS } from "./planted/logins.ts";
import { NODE_MUTANTS } from "./planted/node.ts";
import { OPERATION_MUTANTS } from "./planted/operations.ts";
import { PORT_AND_PAGE_MUTANTS } from "./planted/ports_and_pages.ts";
import { RAFT_MUTANTS } from "./planted/raft.ts";
import { REACH_MUTANTS } from "./planted/reach.ts";
import { STORAGE_MUTANTS } from "./planted/storage.ts";
import { STORE_MUTANTS } from "./planted/store.ts";
import { V3_EDGE_MUTANTS } from "./planted/v3_edges.ts";
import { V3_MUTANTS } from "./planted/v3.ts";
import { V3_MESSAGE_MUTANTS } from "./planted/v3_messages.ts";
import { WIRING_MUTANTS } from "./planted/wiring.ts";

export const MUTANTS: readonly Mutant[] = [
  ...RAFT_MUTANTS,
  ...NODE_MUTANTS,
  ...STORAGE_MUTANTS,
  ...STORE_MUTANTS,
  ...KEYSPACE_MUTANTS,
  ...EDGE_MUTANTS,
  ...HTTP1_MUTANTS,
  ...HTTP2_MUTANTS,
  ...AUTH_MUTANTS,
  ...LOGIN_MUTANTS,
  ...BOLT_MUTANTS,
  ...DROP_IN_MUTANTS,
  ...FOUNDING_MUTANTS,
  ...V3_MESSAGE_MUTANTS,
  ...COMMAND_MUTANTS,
  ...WIRING_MUTANTS,
  ...REACH_MUTANTS,
  ...OPERATION_MUTANTS,
  ...PORT_AND_PAGE_MUTANTS,
  ...V3_MUTANTS,
  ...V3_EDGE_MUTANTS,
];
