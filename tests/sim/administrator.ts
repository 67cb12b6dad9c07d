/**
 * Who makes users and roles, and never stops to change them: passwords, roles, permissions
 * and the switch, of any member and whatever else goes on.
 */
import { ChangeMaker } from "../store/auth/changes.ts";
import { Choices } from "../store/model_commands.ts";
import { type Claim, describeClaim, passwordOf, ROOT, whoOf } from "./claims.ts";
import { KEYS, NAMES } from "./keys.ts";
import type { Process, Running } from "./process.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";
import { describe } from "./text.ts";

/** What permissions are about. */
const RANGES = ["/", "/", "/x", "/x/", "f", ...KEYS, ...NAMES.paths];

export class Administrator {
  readonly #site: Site;
  readonly #random: SeededRandom;
  readonly #maker: ChangeMaker;
  #stopped = false;

  constructor(site: Site) {
    this.#site = site;
    this.#random = new SeededRandom(site.seed, 7);
    const choices = new Choices(this.#random.next);
    this.#maker = new ChangeMaker(choices, () => site.model.state.auth, RANGES);
  }

  start(): void {
    const { schedule, profile, machines } = this.#site;
    if (this.#stopped) return;
    schedule.after(this.#random.exponential(profile.thinkMs), "think", undefined, () => {
      const up = machines.filter(({ process }) => process?.running !== undefined);
      const process = up.length === 0 ? undefined : this.#random.pick(up).process;
      if (process === undefined) return this.start();
      const forget = process.onDeath(() => this.start());
      schedule.after(0.1, "request", process, () => {
        const { running } = process;
        const next = () => {
          forget();
          this.start();
        };
        if (running === undefined) next();
        else this.#change(process, running, next);
      });
    });
  }

  /** Changes nothing any longer. */
  stop(): void {
    this.#stopped = true;
  }

  #change(process: Process, { service, core }: Running, next: () => void): void {
    const { history, trace, schedule } = this.#site;
    const command = this.#maker.command();
    const claim = this.#claim();
    const write = history.write("root", command, false, claim);
    trace.line(
      schedule.nowMs,
      "root",
      () => `asks ${process.name} as ${describeClaim(claim)} ${describe(command)}`,
    );
    const unwatch = process.onDeath(() => history.lost(write));
    service.auth.write(whoOf(claim), command, false, (answer) => {
      if (process.isDead) return;
      trace.line(schedule.nowMs, "root", () => `is told ${describe(answer)}`);
      if (answer.ok && answer.value.kind === "done") {
        for (const { type } of command.changes) trace.happened(`auth: ${type}`);
      }
      unwatch();
      history.answered(write, answer, core.appliedIndex);
      next();
    });
  }

  /** As root, whose password is no secret here. */
  #claim(): Claim {
    const hash = this.#site.model.state.auth.users.get("root")?.passwordHash;
    if (hash === undefined || this.#random.chance(0.5)) return ROOT;
    return { kind: "password", user: "root", password: passwordOf(hash) };
  }
}
