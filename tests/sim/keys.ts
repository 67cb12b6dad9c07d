/** Which keys simulated clients ask about. */
import type { Names } from "../store/model_commands.ts";

/** Of clients of v1: few, so that they meet; some are below others, so that one is in the other's way. */
export const KEYS: readonly string[] = ["/a", "/b", "/d/x", "/d/y", "/d", "/e/f/g", "/e/f", "/c"];

/** Of clients of v2 and v3, who leave those of v1 alone. */
export const NAMES: Names = {
  paths: ["/x/a", "/x/a/b", "/x/a/b/c", "/x/a/d", "/x/c/d", "/x/_h/k", "/x/e"],
  directories: ["/x/a", "/x/a/b", "/x/c", "/x"],
  orders: ["/x", "/x/a"],
  others: ["foo", "fop", "/x/", "/x//b", "/x/a\0"],
  rangeEnds: ["", "/x/b", "/x0", "fop", "g"],
  from: "/x",
};
