/**
 * What became of the operations on a store since it was made: the counters of
 * the original's `/v1/stats/store`, and v3's. Not part of the state, so members differ.
 */
import type { Command } from "./command/command.ts";
import type { OperationResult, Result } from "./result.ts";

export class StoreCounters {
  getsSuccess = 0;
  getsFail = 0;
  setsSuccess = 0;
  setsFail = 0;
  testAndSetsSuccess = 0;
  testAndSetsFail = 0;
  createsSuccess = 0;
  createsFail = 0;
  updatesSuccess = 0;
  updatesFail = 0;
  deletesSuccess = 0;
  deletesFail = 0;
  compareAndDeletesSuccess = 0;
  compareAndDeletesFail = 0;
  expiries = 0;
  /** Watches that were opened. */
  watches = 0;
  /** v3's operations that were carried out, those within transactions included. */
  ranges = 0;
  puts = 0;
  /** Of keys or ranges; the end of a lease deletes each of its keys. */
  deletes = 0;
  txns = 0;
  leasesGranted = 0;
  /** Those that ran out included. */
  leasesRevoked = 0;
  leasesExpired = 0;

  /** Counts what `command` came to, and the keys that it `changed`. */
  count(command: Command, result: Result, changed: number): void {
    if (result.kind === "applied") return this.countOperation(result.result);
    const failed = result.kind === "rejected";
    switch (command.type) {
      case "set":
        if (command.prevValue !== undefined) return this.#testAndSet(failed);
        return this.#set(failed);
      case "delete":
        return this.#delete(failed);
      case "expire":
        if (result.kind === "event") this.expiries++;
        return;
      case "treePut":
        if (command.prevExist === false || command.inOrder) {
          failed ? this.createsFail++ : this.createsSuccess++;
          return;
        }
        if (command.prevValue !== undefined || command.prevIndex !== 0) {
          return this.#testAndSet(failed);
        }
        if (command.prevExist === true) {
          failed ? this.updatesFail++ : this.updatesSuccess++;
          return;
        }
        return this.#set(failed);
      case "treeDelete":
        if (command.prevValue === undefined && command.prevIndex === 0) return this.#delete(failed);
        failed ? this.compareAndDeletesFail++ : this.compareAndDeletesSuccess++;
        return;
      case "leaseGrant":
        if (!failed) this.leasesGranted++;
        return;
      case "leaseRevoke":
        if (failed) return;
        this.leasesRevoked++;
        this.deletes += changed;
        // Only the end of a lease names the grant.
        if (command.grantIndex !== 0) this.leasesExpired++;
    }
  }

  /** Counts what an operation of v3 did. Kubernetes writes by transactions alone. */
  countOperation(result: OperationResult): void {
    switch (result.type) {
      case "put":
        this.puts++;
        return;
      case "delete":
        this.deletes++;
        return;
      case "range":
        this.ranges++;
        return;
      case "txn":
        this.txns++;
        for (const inner of result.results) this.countOperation(inner);
    }
  }

  #set(failed: boolean): void {
    failed ? this.setsFail++ : this.setsSuccess++;
  }

  #testAndSet(failed: boolean): void {
    failed ? this.testAndSetsFail++ : this.testAndSetsSuccess++;
  }

  #delete(failed: boolean): void {
    failed ? this.deletesFail++ : this.deletesSuccess++;
  }
}
