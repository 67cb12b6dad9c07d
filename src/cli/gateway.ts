/** Asks v3's JSON gateway of the servers, as whoever `-user` names. */
import { printable } from "../config/usage_error.ts";
import type { Client } from "./client.ts";
import { CommandError, EXIT } from "./command.ts";

/** The code of a precondition that does not hold (gRPC). */
const FAILED_PRECONDITION = 9;

/** A refusal in v3's words. */
export class GatewayError extends CommandError {
  /** As gRPC has it. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** Fields of an answer. */
export type Fields = Readonly<Record<string, unknown>>;

/** The code of a token that is no longer good (gRPC). */
const UNAUTHENTICATED = 16;

/** What can be asked of one. */
export type GatewayPort = Pick<Gateway, "ask" | "open">;

/** Talks to the gateway; logs in before the first request, and again when that is forgotten. */
export class Gateway {
  readonly #client: Client;
  #token: Promise<string | undefined> | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * The answer to `message` at a path below `/v3/`. Throws `GatewayError`, `CommandError`
   * and `LongAnswerError`.
   */
  async ask(path: string, message: object = {}, bytesMax?: number): Promise<Fields> {
    this.#token ??= this.#login();
    const token = this.#token;
    try {
      return await this.#post(path, message, await token, bytesMax);
    } catch (error) {
      const isOver = error instanceof GatewayError && error.code === UNAUTHENTICATED;
      if (!isOver || this.#client.login === undefined) throw error;
      if (this.#token === token) this.#token = this.#login();
      return await this.#post(path, message, await this.#token, bytesMax);
    }
  }

  /** The bytes of a stream of answers. */
  async open(
    path: string,
    message: object,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    this.#token ??= this.#login();
    const token = await this.#token;
    return await this.#client.open({
      method: "POST",
      path: `/v3/${path}`,
      json: message,
      timeoutMs: undefined,
      signal,
      ...(token !== undefined && { token }),
    });
  }

  async #login(): Promise<string | undefined> {
    const { login } = this.#client;
    if (login === undefined) return undefined;
    const { user: name, password } = login;
    try {
      // An empty token is no credential; the password would be taken for one.
      const { token } = await this.#post("auth/authenticate", { name, password }, "");
      return String(token);
    } catch (error) {
      // Nobody has to log in where authentication is off.
      if (error instanceof GatewayError && error.code === FAILED_PRECONDITION) return undefined;
      throw error;
    }
  }

  async #post(
    path: string,
    json: object,
    token: string | undefined,
    bytesMax?: number,
  ): Promise<Fields> {
    const answer = await this.#client.ask({
      method: "POST",
      path: `/v3/${path}`,
      json,
      ...(token !== undefined && { token }),
      ...(bytesMax !== undefined && { bytesMax }),
    });
    const fields = fieldsOf(answer.body);
    if (answer.status === 200 && fields !== undefined) return fields;
    const message = fields?.message;
    if (typeof message === "string") throw new GatewayError(message, Number(fields?.code));
    throw new CommandError(
      `"${answer.url}" answered ${answer.status}: ${printable(answer.body.trim())}: ` +
        "does it serve v3's JSON",
      EXIT.failed,
    );
  }
}

function fieldsOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Fields : undefined;
  } catch {
    return undefined;
  }
}
