/** The page's requests to the node that served it. */

import type { FaultView } from "../view.ts";

/** What the node answered instead, or why it did not. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    /** 0 when there was no answer. */
    readonly status: number,
    /** The node's word for what is wrong; empty when there was no answer. */
    readonly reason: string,
    /** What was expected and found. */
    readonly detail: string,
  ) {
    super(message);
  }
}

/** There was no answer. */
export const NO_ANSWER = new ApiError("This node does not answer", 0, "", "");

/** What a write answers. */
export interface Written {
  readonly index: number;
  readonly newKey?: boolean;
}

const HEADERS = { "x-etcd-dashboard": "1" };

/** `GET /dashboard/api/PATH`. Rejects with `ApiError`. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await send<T>(path, signal === undefined ? {} : { signal });
}

/** Sets, tests and sets, or deletes a key; `path` is encoded. Rejects with `ApiError`. */
export async function write(
  path: string,
  fields: readonly (readonly [string, string])[] | undefined,
): Promise<Written> {
  return await send<Written>(
    `keys${path}`,
    fields === undefined
      ? { method: "DELETE" }
      : { method: "POST", body: new URLSearchParams(fields.map(([name, value]) => [name, value])) },
  );
}

/** `POST /dashboard/api/PATH` with a form. Rejects with `ApiError`. */
export async function post(
  path: string,
  fields: readonly (readonly [string, string])[],
): Promise<void> {
  const body = new URLSearchParams(fields.map(([name, value]) => [name, value]));
  await send(path, { method: "POST", body });
}

/** `DELETE /dashboard/api/PATH`. Rejects with `ApiError`. */
export async function remove(path: string): Promise<void> {
  await send(path, { method: "DELETE" });
}

async function send<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(`/dashboard/api/${path}`, { ...init, headers: HEADERS });
    text = await response.text();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw NO_ANSWER;
  }
  const body = parse(text);
  if (response.ok && body !== undefined) return body as T;
  const { message = `The node answered ${response.status}`, cause = "", reason = "" } =
    (body ?? {}) as Partial<FaultView>;
  throw new ApiError(message, response.status, reason, cause);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
