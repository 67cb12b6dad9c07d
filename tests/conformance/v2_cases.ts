/** What a case file of v2 says: scenarios of requests and of what they are answered. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Which member of a cluster is asked; a number counts from 0. */
export type Role = number | "leader" | "follower" | "follower2";

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly node?: Role;
  readonly form?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  readonly multipart?: Readonly<Record<string, string>>;
  readonly json?: Json;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Expectation {
  readonly status?: number;
  /** null: must be absent. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: Json;
  /** Of a stream. */
  readonly lines?: Json[];
  /** Some fields of a JSON body, by path. */
  readonly has?: Readonly<Record<string, Json>>;
}

export interface Step {
  readonly name?: string;
  /** Milliseconds before the step. */
  readonly sleep?: number;
  readonly request?: Request;
  /** Waits for status line and headers only, and keeps the answer open under the step's name. */
  readonly background?: boolean;
  /** Takes the answer of that name: whole, or its next `lines`. */
  readonly join?: string;
  readonly lines?: number;
  /** Nothing may arrive for so many milliseconds. */
  readonly quiet?: number;
  /** The body must have ended. */
  readonly end?: boolean;
  /** Hangs up. */
  readonly close?: boolean;
  readonly repeat?: number;
  /** Lists compare in any order. */
  readonly unordered?: boolean;
  /** Keeps a value of the answer: `header:NAME` or a path such as `node.modifiedIndex`. */
  readonly save?: Readonly<Record<string, string>>;
  readonly expect?: Expectation;
}

export interface Scenario {
  readonly scenario: string;
  /** Members that it needs; any number without it. */
  readonly nodes?: number;
  readonly steps: readonly Step[];
  readonly cleanup?: readonly Request[];
}

/** The scenarios of a case file. */
export function readScenarios(file: string): readonly Scenario[] {
  const url = new URL(`../../fixtures/http/v2/${file}`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}
