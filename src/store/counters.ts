/**
 * What became of the operations on a store since it was made: the counters of
 * the original's `/v1/stats/store`. Not part of the state, so members differ.
 */
import type { ApplyResult } from "./event.ts";

export class StoreCounters {
  getsSuccess = 0;
  getsFail = 0;
  setsSuccess = 0;
  setsFail = 0;
  testAndSetsSuccess = 0;
  testAndSetsFail = 0;
  deletesSuccess = 0;
  deletesFail = 0;
  expiries = 0;
  /** Watches that were opened. */
  watches = 0;

  /** Counts a set, or with `isTest` a test-and-set, and returns its result. */
  set(result: ApplyResult, isTest: boolean): ApplyResult {
    const failed = "reason" in result;
    if (isTest) failed ? this.testAndSetsFail++ : this.testAndSetsSuccess++;
    else failed ? this.setsFail++ : this.setsSuccess++;
    return result;
  }

  delete(result: ApplyResult): ApplyResult {
    if ("reason" in result) this.deletesFail++;
    else this.deletesSuccess++;
    return result;
  }

  expire(result: ApplyResult): ApplyResult {
    if ("action" in result) this.expiries++;
    return result;
  }
}
