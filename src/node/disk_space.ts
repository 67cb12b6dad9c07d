/** Whether the disk is full, and that the operator hears of it. */
import type { Logger } from "../base/logger.ts";
import type { Failure } from "./ports.ts";

export class DiskSpace {
  readonly #logger: Logger;
  #failure: Failure | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** For everything that needs space, as long as there is none. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  ended(cause: string): void {
    this.#failure = { ok: false, reason: "diskFull", cause };
    this.#logger.error("The disk is full, writes are refused until there is space", { cause });
  }

  found(): void {
    this.#failure = undefined;
    this.#logger.info("There is space on the disk again, writes go on");
  }
}
