/**
 * Users of a cluster in chaos: whoever shows the tests' certificate is root, the load is
 * somebody who has its keys. That user's password and role change all the time, and in
 * between the role is empty for a moment: then nothing may be answered.
 */
import type { TestCluster } from "../cluster/harness.ts";
import { pause, until } from "../cluster/wait.ts";
import type { SeededRandom } from "../sim/random.ts";

/** The name in the certificate of `TestCluster.client`. */
const CLIENT = "client";
const LOAD = "load";

/** How long an administrator goes on asking, and waits for one answer. */
const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 4_000;

/** How long the load may do nothing. */
const SHUT_MS = 700;

/**
 * How long a request without an answer may still take effect: a node may stand still for 15 s,
 * and the leader may hold on to it for five.
 */
const LATE_MS = 30_000;

/** What could be made already, or has been made by a request whose answer was lost. */
const MADE: readonly number[] = [200, 201, 400, 409];

export class ChaosUsers {
  readonly #cluster: TestCluster;
  readonly #patterns: { readonly kv: Readonly<Record<"read" | "write", readonly string[]>> };
  /** The last time in which the load may do nothing, ms of `performance.now()`; it may not be over. */
  #shut = { fromMs: Infinity, toMs: Infinity };
  /** Settles when the latest change has been made. */
  #latest: Promise<void> = Promise.resolve();
  /** Until then a change that gives the load its keys may come late, and after what takes them. */
  #lateUntilMs = 0;
  #password = "first";
  #count = 0;

  /** Switches authentication on; the load has what is under `root`. */
  static async enable(cluster: TestCluster, root: string): Promise<ChaosUsers> {
    const users = new ChaosUsers(cluster, root);
    await users.#ask("PUT", "users/root", { user: "root", password: "root" });
    await users.#ask("PUT", `users/${CLIENT}`, { user: CLIENT, password: "x", roles: ["root"] });
    await users.#ask("PUT", `roles/${LOAD}`, { role: LOAD, permissions: users.#patterns });
    const { headers: _, ...load } = users.#load();
    await users.#ask("PUT", `users/${LOAD}`, { ...load, roles: [LOAD] });
    await users.#ask("PUT", "enable");
    return users;
  }

  private constructor(cluster: TestCluster, root: string) {
    this.#cluster = cluster;
    const patterns = [`${root}/*`];
    this.#patterns = { kv: { read: patterns, write: patterns } };
  }

  /** What a request of the load has to bring. */
  get headers(): Readonly<Record<string, string>> {
    return this.#load().headers;
  }

  /** Whether the load might do nothing in all the time between two moments, the last one now. */
  isShut(fromMs: number, toMs: number): boolean {
    return this.#shut.fromMs <= fromMs && toMs <= this.#shut.toMs;
  }

  /**
   * Makes one change, and resolves when all is again as the load needs it. One waits for the
   * other: while authentication is off everything is permitted.
   */
  change(random: SeededRandom): Promise<void> {
    const change = this.#latest.then(() => this.#change(random));
    this.#latest = change.catch(() => {});
    return change;
  }

  async #change(random: SeededRandom): Promise<void> {
    const kinds = [["role", 3], ["password", 2], ["other", 2], ["switch", 1]] as const;
    switch (random.weighted(kinds)) {
      case "role":
        return await this.#takeAndGive();
      case "password": {
        const password = `next${++this.#count}`;
        await this.#ask("PUT", `users/${LOAD}`, { user: LOAD, password }, [200]);
        this.#password = password;
        return;
      }
      case "other":
        await this.#ask("PUT", "roles/other", { role: "other" });
        return await this.#ask("DELETE", "roles/other", undefined, [200, 404]);
      case "switch":
        await this.#ask("DELETE", "enable");
        return await this.#ask("PUT", "enable");
    }
  }

  async #takeAndGive(): Promise<void> {
    const path = `roles/${LOAD}`;
    await this.#ask("PUT", path, { role: LOAD, revoke: this.#patterns });
    const fromMs = performance.now();
    const isSure = fromMs > this.#lateUntilMs;
    if (isSure) this.#shut = { fromMs, toMs: Infinity };
    await pause(SHUT_MS);
    if (isSure) this.#shut = { fromMs, toMs: performance.now() };
    await this.#ask("PUT", path, { role: LOAD, grant: this.#patterns });
  }

  #load() {
    const password = this.#password;
    const headers = { authorization: `Basic ${btoa(`${LOAD}:${password}`)}` };
    return { user: LOAD, password, headers };
  }

  /** Of any member, until one says that it is so. */
  async #ask(method: string, path: string, body?: object, made = MADE): Promise<void> {
    await until(`${method} ${path} to be answered`, async () => {
      const { awake, client } = this.#cluster;
      const node = awake[this.#count++ % awake.length];
      if (node === undefined) return false;
      try {
        const { status } = await client.ask(`${node.url}/v2/auth/${path}`, {
          method,
          ...(body !== undefined && { body: JSON.stringify(body) }),
          headers: { "content-type": "application/json" },
          timeoutMs: TIMEOUT_MS,
        });
        if (made.includes(status)) return true;
      } catch {
        // Whether it has come to the node nobody knows.
      }
      if (!(body !== undefined && "revoke" in body)) {
        this.#lateUntilMs = performance.now() + LATE_MS;
      }
      return false;
    }, PATIENCE_MS);
  }
}
