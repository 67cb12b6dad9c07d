/** Writes keys to the new cluster, many in one transaction. */
import type { ByteString } from "../../store/byte_string.ts";
import type { GatewayPort } from "../gateway.ts";
import { bytesOf, encoded, type Item } from "./items.ts";
import type { LeaseCopies } from "./leases.ts";

/** One operation. */
export type Write =
  | { readonly kind: "put"; readonly item: Item }
  | { readonly kind: "delete"; readonly key: ByteString };

/** As many as any etcd takes unless it is told otherwise. */
const OPERATIONS_MAX = 128;
/** Half of what a request may have by default; a larger value goes alone. */
const TRANSACTION_BYTES = 768 * 1024;
/** Transactions at once, of keys that are all different. */
const AT_ONCE = 32;

export class TargetWriter {
  readonly #gateway: GatewayPort;
  readonly #leases: LeaseCopies;

  constructor(gateway: GatewayPort, leases: LeaseCopies) {
    this.#gateway = gateway;
    this.#leases = leases;
  }

  /** Carries out all of `writes`, of which no two are of one key, in any order. */
  async all(writes: readonly Write[]): Promise<void> {
    const transactions = transactionsOf(writes);
    const workers = Array.from({ length: AT_ONCE }, async () => {
      for (let next = transactions.next(); !next.done; next = transactions.next()) {
        await this.#commit(next.value);
      }
    });
    await Promise.all(workers);
  }

  /** Carries out `writes` one after the other. */
  async inOrder(writes: readonly Write[]): Promise<void> {
    for (const transaction of transactionsOf(writes)) await this.#commit(transaction);
  }

  async #commit(writes: readonly Write[]): Promise<void> {
    const success: object[] = [];
    for (const write of writes) {
      if (write.kind === "delete") {
        success.push({ request_delete_range: { key: encoded(write.key) } });
        continue;
      }
      const { key, value, lease } = write.item;
      // One that has ended takes its keys along at once: the deletion is on its way.
      const held = lease !== "0" && await this.#leases.ensure(lease) ? { lease } : {};
      success.push({ request_put: { key: encoded(key), value, ...held } });
    }
    await this.#gateway.ask("kv/txn", { success });
  }
}

/** In their order, none with a key twice. */
function* transactionsOf(writes: readonly Write[]): Generator<readonly Write[], void> {
  let transaction: Write[] = [];
  let keys = new Set<ByteString>();
  let bytes = 0;
  for (const write of writes) {
    const key = write.kind === "put" ? write.item.key : write.key;
    const size = write.kind === "put" ? bytesOf(write.item) : key.length;
    const isFull = transaction.length === OPERATIONS_MAX || keys.has(key) ||
      bytes + size > TRANSACTION_BYTES;
    if (isFull && transaction.length > 0) {
      yield transaction;
      transaction = [];
      keys = new Set();
      bytes = 0;
    }
    transaction.push(write);
    keys.add(key);
    bytes += size;
  }
  if (transaction.length > 0) yield transaction;
}
