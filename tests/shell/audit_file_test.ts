/** Where the lines of -audit go. */
import { assertEquals } from "@std/assert";
import { openAudit } from "../../src/member/audit_file.ts";
import { until } from "../cluster/wait.ts";

// The file is open as long as the process lives.
const options = { sanitizeResources: false };

Deno.test(
  "every line of -audit reaches its file, also those that come at once",
  options,
  async () => {
    const file = await Deno.makeTempFile({ prefix: "etcd-test-" });
    try {
      const audit = openAudit(file);
      const about = ["k".repeat(200)];
      for (let i = 0; i < 1_000; i++) {
        audit({ user: "", address: "", action: `a${i}`, about, refusal: undefined });
      }
      const actions = () =>
        Deno.readTextFileSync(file).split("\n").slice(0, -1).map((line) => JSON.parse(line).action);
      await until("all lines", () => actions().length === 1_000, 20_000);
      assertEquals(actions(), Array.from({ length: 1_000 }, (_, i) => `a${i}`));
    } finally {
      await Deno.remove(file);
    }
  },
);
