/**
 * Leases of the source, granted again at the target under their ids and with the TTL of
 * their grant. Clients renew them at the source until the switch; here it is this command.
 */
import { CommandError, EXIT } from "../command.ts";
import { GatewayError, type GatewayPort } from "../gateway.ts";
import { fieldsOf, listOf, numberOf, textOf } from "./items.ts";

/** A part of a lease's time after which it is renewed. */
const RENEWAL = 1 / 3;
const TICK_MS = 300;
/** Requests at once. */
const AT_ONCE = 16;

/** "requested lease not found" and "lease already exists", as gRPC has them. */
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;

interface Copy {
  readonly ttlSeconds: number;
  renewedMs: number;
}

export class LeaseCopies {
  readonly #source: GatewayPort;
  readonly #target: GatewayPort;
  /** By id; undefined for one that the source has no longer. */
  readonly #copies = new Map<string, Promise<Copy | undefined>>();
  readonly #live = new Map<string, Copy>();
  #timer: ReturnType<typeof setInterval>;
  #renewing: Promise<void> | undefined;
  #failure: CommandError | undefined;

  /** Renews what it knows until it is closed. */
  constructor(source: GatewayPort, target: GatewayPort) {
    this.#source = source;
    this.#target = target;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get size(): number {
    return this.#live.size;
  }

  /** Throws why leases could not be renewed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Has the lease at the target; resolves with false when the source has it no longer. */
  async ensure(id: string): Promise<boolean> {
    this.check();
    let copy = this.#copies.get(id);
    if (copy === undefined) {
      copy = this.#make(id);
      this.#copies.set(id, copy);
      copy.catch(() => this.#copies.delete(id));
    }
    return await copy !== undefined;
  }

  /** Has at the target the leases of the source, and no others. */
  async settle(): Promise<void> {
    const [wanted, found] = [await idsAt(this.#source), await idsAt(this.#target)];
    await inParallel([...wanted], async (id) => {
      // One that is known as ended may have been granted again.
      if (!this.#live.has(id)) this.#copies.delete(id);
      await this.ensure(id);
    });
    await inParallel([...found].filter((id) => !wanted.has(id)), async (ID) => {
      this.#live.delete(ID);
      this.#copies.delete(ID);
      await this.#target.ask("lease/revoke", { ID }).catch(unless(NOT_FOUND));
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }

  async #make(id: string): Promise<Copy | undefined> {
    const found = await this.#source.ask("lease/timetolive", { ID: id });
    const ttlSeconds = numberOf(found, "grantedTTL");
    if (ttlSeconds <= 0 || numberOf(found, "TTL") < 0) return undefined;
    await this.#target.ask("lease/grant", { ID: id, TTL: String(ttlSeconds) })
      .catch(unless(FAILED_PRECONDITION));
    const copy = { ttlSeconds, renewedMs: -Infinity };
    this.#live.set(id, copy);
    return copy;
  }

  #tick(): void {
    this.#renewing ??= this.#renew().catch((error) => {
      this.#failure = error instanceof CommandError ? error : new CommandError(`${error}`);
    }).finally(() => this.#renewing = undefined);
  }

  async #renew(): Promise<void> {
    const nowMs = performance.now();
    const due = [...this.#live].filter(([, { ttlSeconds, renewedMs }]) =>
      nowMs - renewedMs >= ttlSeconds * 1000 * RENEWAL
    );
    await inParallel(due, async ([ID, copy]) => {
      const answer = await this.#target.ask("lease/keepalive", { ID });
      if (numberOf(fieldsOf(answer, "result"), "TTL") > 0) {
        copy.renewedMs = nowMs;
      } else if (this.#live.has(ID)) {
        throw new CommandError(
          `The lease ${ID} has ended at the target before it was renewed`,
          EXIT.unreachable,
        );
      }
    });
  }
}

async function idsAt(gateway: GatewayPort): Promise<Set<string>> {
  const answer = await gateway.ask("lease/leases");
  return new Set(listOf(answer, "leases").map((lease) => textOf(lease, "ID")));
}

/** Lets the refusal with this code pass. */
function unless(code: number): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof GatewayError) || error.code !== code) throw error;
  };
}

async function inParallel<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const one of rest) await work(one);
  }));
}
