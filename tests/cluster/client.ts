/** A client of the v1 API, over HTTP or with a client certificate over mTLS. */

/** Longer than a node lets a request wait. */
const TIMEOUT_MS = 15_000;

const FIXTURES = new URL("../../fixtures/ca/", import.meta.url);

/** The fields that a v1 answer may have. */
export interface EventBody {
  readonly action: string;
  readonly key: string;
  readonly dir?: boolean;
  readonly prevValue?: string;
  readonly value?: string;
  readonly newKey?: boolean;
  readonly expiration?: string;
  readonly ttl?: number;
  readonly index: number;
}

export interface ErrorBody {
  readonly errorCode: number;
  readonly message: string;
  readonly cause: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export interface AskOptions {
  readonly method?: string;
  /** Sent as an urlencoded form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface SetOptions {
  readonly ttl?: number;
  readonly prevValue?: string;
  readonly timeoutMs?: number;
}

/** Path of a file whose key is public. */
export function fixture(name: string): string {
  return new URL(name, FIXTURES).pathname;
}

/** Close it when done. */
export class Client implements Disposable {
  readonly #http: Deno.HttpClient;

  /** `certificate`: the name of a pair in `fixtures/ca`, or none for plain HTTP. */
  constructor(certificate?: string) {
    const read = (name: string) => Deno.readTextFileSync(fixture(name));
    this.#http = Deno.createHttpClient(
      certificate === undefined ? {} : {
        caCerts: [read("ca.crt")],
        cert: read(`${certificate}.crt`),
        key: read(`${certificate}.key.insecure`),
      },
    );
  }

  /** One request; redirects are not followed. Rejects when there is no answer in time. */
  async ask(url: string, options: AskOptions = {}): Promise<Answer> {
    const { method = "GET", form, body, headers = {}, timeoutMs = TIMEOUT_MS, signal } = options;
    const limit = new AbortController();
    const abort = () => limit.abort(signal?.reason);
    const timer = setTimeout(
      () => limit.abort(new Error(`No answer from "${url}" within ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener("abort", abort);
    try {
      const response = await fetch(url, {
        method,
        headers,
        redirect: "manual",
        client: this.#http,
        signal: limit.signal,
        ...(form === undefined ? body === undefined ? {} : { body } : {
          body: new URLSearchParams(form),
        }),
      });
      return { status: response.status, headers: response.headers, body: await response.text() };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Writes, or tests and sets; `url` is that of a node. */
  set(url: string, key: string, value: string, options: SetOptions = {}): Promise<Answer> {
    const { ttl, prevValue, timeoutMs } = options;
    const form = {
      value,
      ...(ttl === undefined ? {} : { ttl: String(ttl) }),
      ...(prevValue === undefined ? {} : { prevValue }),
    };
    return this.ask(`${url}/v1/keys${key}`, {
      method: "POST",
      form,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  /** Reads; with `stale` whatever the node knows by now. */
  get(url: string, key: string, { stale = false } = {}): Promise<Answer> {
    return this.ask(`${url}/v1/keys${key}${stale ? "?stale=true" : ""}`);
  }

  delete(url: string, key: string): Promise<Answer> {
    return this.ask(`${url}/v1/keys${key}`, { method: "DELETE" });
  }

  /** Waits for the first event at `path` or under it with an index of `since` or higher. */
  watch(url: string, path: string, since: number, signal?: AbortSignal): Promise<Answer> {
    return this.ask(`${url}/v1/watch${path}`, {
      method: "POST",
      form: { index: String(since) },
      timeoutMs: 60_000,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  [Symbol.dispose](): void {
    this.#http.close();
  }
}

/** The event of a 200. Throws for any other answer. */
export function eventOf(answer: Answer): EventBody {
  if (answer.status !== 200) throw new Error(`Expected 200, found ${describe(answer)}`);
  return JSON.parse(answer.body) as EventBody;
}

/** The items of a listing. Throws for any other answer. */
export function listingOf(answer: Answer): EventBody[] {
  const items: unknown = answer.status === 200 ? JSON.parse(answer.body) : undefined;
  if (!Array.isArray(items)) throw new Error(`Expected a listing, found ${describe(answer)}`);
  return items as EventBody[];
}

/** The error that an answer tells of. Throws for a success. */
export function errorOf(answer: Answer): ErrorBody {
  if (answer.status < 400) throw new Error(`Expected an error, found ${describe(answer)}`);
  return JSON.parse(answer.body) as ErrorBody;
}

function describe({ status, body }: Answer): string {
  return `${status}: ${body.slice(0, 500)}`;
}
