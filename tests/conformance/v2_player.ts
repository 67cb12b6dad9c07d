/**
 * Replays recorded exchanges of v2. A scenario plays on a fresh node or on a used one:
 * every key that it touches lies under a prefix of its own, `<p>`, and indexes are said
 * relative to `<i0>`, the index just before its first step.
 */
import { pause } from "../cluster/wait.ts";
import { Answer, PATIENCE_MS } from "./v2_answer.ts";
import type { Json, Request, Scenario, Step } from "./v2_cases.ts";
import { at, differences, fill, fillAll, type Got, type Variables } from "./v2_match.ts";

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function pick(where: string, got: Got): string | number {
  if (where.startsWith("header:")) return got.headers.get(where.slice(7)) ?? "";
  return at(got.body, where) as string | number;
}

const describe = (step: Step) =>
  step.join
    ? `answer of ${step.join}`
    : `${step.request!.method} ${step.request!.path} ${
      JSON.stringify(
        step.request!.form ?? step.request!.multipart ?? step.request!.json ?? step.request!.body ??
          "",
      )
    }`;

/** Plays scenarios on the members of one cluster. */
export class Player {
  /** Steps that went as expected. */
  passed = 0;
  readonly problems: string[] = [];
  #roles: string[] = [];

  constructor(private readonly bases: readonly string[]) {}

  #send(request: Request): Promise<Answer> {
    const { node = 0 } = request;
    const at = typeof node === "number" ? node : this.#roles.indexOf(node);
    return Answer.to(this.bases[at]!, request);
  }

  /** Asks every member for its role, until exactly one leads. */
  async #learnRoles(): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await pause(100)) {
      const states = await Promise.all(this.bases.map(async (base) => {
        try {
          const answer = await Answer.to(base, { method: "GET", path: "/v2/stats/self" });
          await answer.until(() => answer.ended);
          return JSON.parse(answer.text).state;
        } catch {
          return "unreachable";
        }
      }));
      if (states.includes("unreachable")) continue;
      if (states.filter((state) => state === "StateLeader").length !== 1) continue;
      let followers = 0;
      this.#roles = states.map((state) =>
        state === "StateLeader" ? "leader" : ["follower", "follower2"][followers++] ?? ""
      );
      return;
    }
    throw new Error("not all members answer, or no single one leads");
  }

  async play(scenario: Scenario): Promise<void> {
    const slug = scenario.scenario.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 24);
    const p = `${slug}-${crypto.randomUUID().slice(0, 6)}`;
    const variables: Variables = new Map([["p", p]]);
    if (this.bases.length > 1) await this.#learnRoles();
    const before = await this.#send({ method: "GET", path: `/v2/keys/${p}?quorum=true` });
    await before.until(() => before.ended);
    variables.set("i0", Number(before.headers.get("x-etcd-index")));
    const open = new Map<string, Answer>();
    for (const [i, step] of scenario.steps.entries()) {
      if (step.sleep) await pause(step.sleep);
      const problems = await this.#step(step, variables, open);
      if (problems.length === 0) this.passed++;
      else {
        const what = `${scenario.scenario}, step ${i + 1}: ${fill(describe(step), variables)}`;
        this.problems.push(`${what}: ${problems.join("; ")}`);
      }
    }
    for (const answer of open.values()) answer.close();
    const tidy: Request[] = [
      { method: "DELETE", path: "/v2/keys/<p>?recursive=true" },
      ...(scenario.cleanup ?? []),
    ];
    for (const request of tidy) {
      try {
        const answer = await this.#send(fillAll(request, variables));
        await answer.until(() => answer.ended);
      } catch { /* best effort */ }
    }
  }

  async #step(
    step: Step,
    variables: Variables,
    open: Map<string, Answer>,
  ): Promise<string[]> {
    let got: Got;
    const problems: string[] = [];
    try {
      for (let i = 1; i < (step.repeat ?? 1); i++) {
        const answer = await this.#send(fillAll(step.request!, variables));
        await answer.until(() => answer.ended);
      }
      if (step.join) {
        const answer = open.get(step.join);
        if (!answer) return [`no open answer ${step.join}`];
        got = { status: answer.status, headers: answer.headers };
        if (step.lines !== undefined) {
          const count = () => answer.text.split("\n").length - 1;
          if (!await answer.until(() => count() >= step.lines!)) {
            problems.push(`lines: only ${count()} came`);
          }
          const lines = answer.text.split("\n");
          answer.text = lines.slice(step.lines).join("\n");
          got.lines = lines.slice(0, step.lines).map(parsed);
        } else if (step.quiet !== undefined) {
          const held = answer.text.length;
          if (await answer.until(() => answer.text.length > held || answer.ended, step.quiet)) {
            problems.push(`not quiet: ${answer.ended ? "ended" : ""} ${answer.text}`);
          }
        } else if (step.close) {
          answer.close();
        } else {
          if (!await answer.until(() => answer.ended)) problems.push("did not end in time");
          got.body = parsed(answer.text);
        }
        if (step.end && !await answer.until(() => answer.ended)) {
          problems.push("did not end in time");
        }
      } else {
        const answer = await this.#send(fillAll(step.request!, variables));
        got = { status: answer.status, headers: answer.headers };
        if (step.background) {
          open.set(step.name!, answer);
        } else {
          if (!await answer.until(() => answer.ended)) problems.push("did not end in time");
          answer.close();
          if (answer.error) problems.push(answer.error);
          got.body = parsed(answer.text);
        }
      }
    } catch (error) {
      return [`no answer: ${(error as Error).message}`];
    }
    for (const [name, where] of Object.entries(step.save ?? {})) {
      variables.set(name, pick(where, got));
    }
    if (!step.expect) return problems;
    return [...problems, ...differences(step.expect, got, variables, step.unordered ?? false)];
  }
}
