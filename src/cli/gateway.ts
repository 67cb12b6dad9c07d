/** Asks v3's JSON gateway of the servers, as whoever `-user` names. */
import { messageOf } from "../base/errors.ts";
import { printable } from "../config/usage_error.ts";
import type { Client } from "./client.ts";
import { CommandError, EXIT } from "./command.ts";

/** The code of a precondition that does not hold (gRPC). */
const FAILED_PRECONDITION = 9;

/** How etcd's gateway refuses a certificate that could speak for a user. */
const NAMED_CERTIFICATE = "CommonName of client sending a request against gateway";

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

  /** The messages of a stream, each once its line is there; none when it has ended. Throws like `ask()`. */
  async *stream(path: string, message: object, signal: AbortSignal): AsyncGenerator<Fields, void> {
    const portions = await this.open(path, message, signal);
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const portion of portions) {
        const lines = (rest + decoder.decode(portion, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield resultIn(line);
      }
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError(`Lost the server: ${messageOf(error)}`, EXIT.unreachable);
    }
  }

  async #login(): Promise<string | undefined> {
    const { login } = this.#client;
    if (login === undefined) return undefined;
    const { user: name, password } = login;
    try {
      // Without a credential: etcd would look at it first.
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
    if (typeof message === "string") {
      const hint = message.endsWith("user name is empty") ? `: ${this.#client.loginHint}` : "";
      throw new GatewayError(message + hint, Number(fields?.code));
    }
    if (answer.body.startsWith(NAMED_CERTIFICATE)) {
      throw new CommandError(
        `"${answer.url}" takes no JSON by a certificate with a common name while authentication ` +
          "is on: show one without a name, or bring the data by a snapshot",
      );
    }
    throw new CommandError(
      `"${answer.url}" answered ${answer.status}: ${printable(answer.body.trim())}: ` +
        "does it serve v3's JSON",
      EXIT.failed,
    );
  }
}

/** What a line of a stream brings. */
function resultIn(line: string): Fields {
  const { result, error } = fieldsOf(line) ?? {};
  if (isFields(result)) return result;
  if (!isFields(error)) throw new CommandError(`Expected a message, found "${printable(line)}"`);
  throw new GatewayError(String(error.message), Number(error.grpc_code));
}

/** Whether `value` is an object of JSON. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldsOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
