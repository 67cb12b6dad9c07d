/**
 * Talks to the servers of a cluster for the commands: the addresses of `-peers`
 * are tried in turn. A write goes to a second server only when the first can't
 * have seen it, because nobody may do it twice.
 */
import { messageOf } from "../base/errors.ts";
import { formatAddress, parseAddress } from "../config/address.ts";
import type { Settings } from "../config/command_line.ts";

import type { Flag } from "../config/flags.ts";
import { printable, UsageError } from "../config/usage_error.ts";
import { PemError, readPem } from "../http/pem.ts";
import { portionsOf, textOf } from "./body.ts";
import { CommandError, EXIT } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** What is asked of a server. */
export interface Request {
  readonly method: "GET" | "POST" | "DELETE";
  /** With its query, percent-encoded. */
  readonly path: string;
  /** Sent as an urlencoded form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as JSON instead. */
  readonly json?: object;
  /** Of a login, instead of user and password; "" for no credential at all. */
  readonly token?: string;
  /** Until the answer is complete; undefined waits for ever. The flag's when absent. */
  readonly timeoutMs?: number | undefined;
  /** Ends the request, which then fails with its reason. */
  readonly signal?: AbortSignal;
  /** A longer answer is not read to its end: `LongAnswerError`. */
  readonly bytesMax?: number;
}

/** An answer of any status. */
export interface Answer {
  /** Of the server that gave it. */
  readonly url: string;
  readonly status: number;
  readonly body: string;
  /** Of the `X-Raft-Index` header, where it has a number. */
  readonly index: number | undefined;
}

/** A server's error of the v1 API, for those who can do something about it. */
export class ServerError extends CommandError {
  readonly code: number;
  /** As `Answer` has it. */
  readonly index: number | undefined;

  constructor(message: string, code: number, status: number, index: number | undefined) {
    super(message, status);
    this.code = code;
    this.index = index;
  }
}

/** What the flags of a connection are called. */
export interface ConnectionNames {
  readonly peers: string;
  readonly cacert: string;
  readonly cert: string;
  readonly key: string;
  readonly user: string;
  readonly password: string;
}

const OWN_NAMES: ConnectionNames = {
  ...{ peers: "peers", cacert: "cacert", cert: "cert", key: "key" },
  ...{ user: "user", password: "password" },
};

/**
 * Reads the connection's flags and the files they name, and asks for a password that is
 * missing. Throws `UsageError`. Close it when done.
 */
export async function connect(
  settings: Settings<Flag>,
  terminal: Terminal,
  names = OWN_NAMES,
): Promise<Client> {
  const [cacert, cert, key] = [names.cacert, names.cert, names.key].map((name) =>
    settings.isGiven(name)
      ? readFile(settings.text(name), settings.label(name), name === names.key)
      : undefined
  );
  for (const [one, other] of [[names.cert, names.key], [names.key, names.cert]] as const) {
    if (settings.isGiven(one) && !settings.isGiven(other)) {
      throw new UsageError(`${settings.label(one)} needs "-${other}" beside it`);
    }
  }
  const secure = cacert !== undefined || cert !== undefined;
  const urls = peerUrls(settings.text(names.peers), settings.label(names.peers), secure);
  const timeoutMs = settings.integer("timeout") * 1000;
  const login = await loginOf(settings, terminal, names);
  const http = httpClient(settings, names, cacert, cert, key);
  return new Client(urls, { timeoutMs, http, names, showsCertificate: cert !== undefined, login });
}

/** Who asks, and how that is proven. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** `NAME:PASSWORD`, or the password beside it, or typed by whoever sits there. Throws `UsageError`. */
async function loginOf(
  settings: Settings<Flag>,
  terminal: Terminal,
  names: ConnectionNames,
): Promise<Login | undefined> {
  const text = settings.text(names.user);
  if (text === "") return undefined;
  const colon = text.indexOf(":");
  const user = colon < 0 ? text : text.slice(0, colon);
  let password = colon < 0 ? settings.text(names.password) : text.slice(colon + 1);
  if (user !== "" && password === "" && terminal.hasKeyboard) {
    password = await terminal.readSecret(`Password of ${printable(user)}: `) ?? "";
  }
  if (user !== "" && password !== "") return { user, password };
  throw new UsageError(
    `${settings.label(names.user)} expects NAME:PASSWORD, or a name with -${names.password} ` +
      `beside it, found "${printable(user)}"`,
  );
}

/** What the runtime would ask for a way to the servers, in lower case. */
const PROXY_VARIABLES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] as const;

/**
 * Takes the variables out of this process's own environment: proxies are for the
 * ways out of a network, and members are inside of it. The runtime has no option
 * for that, and reads them when a client is made.
 */
export function ignoreProxies(): void {
  for (const name of PROXY_VARIABLES) {
    Deno.env.delete(name);
    Deno.env.delete(name.toUpperCase());
  }
}

function proxyOf(settings: Settings<Flag>): { readonly proxy?: Deno.Proxy } {
  if (!settings.isGiven("proxy")) return {};
  const url = settings.text("proxy");
  if (/^https?:\/\/[^/@]+\/?$/i.test(url) && URL.canParse(url)) return { proxy: { url } };
  throw new UsageError(
    `${settings.label("proxy")} expects "http://HOST:PORT", found "${printable(url)}"`,
  );
}

function httpClient(
  settings: Settings<Flag>,
  names: ConnectionNames,
  cacert: string | undefined,
  cert: string | undefined,
  key: string | undefined,
): Deno.HttpClient {
  ignoreProxies();
  const proxy = proxyOf(settings);
  try {
    return Deno.createHttpClient({
      ...proxy,
      ...(cacert === undefined ? {} : { caCerts: [cacert] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
  } catch (error) {
    const found = error instanceof Error && error.message.includes("KeyMismatch")
      ? "two that do not belong together"
      : `what cannot be used (${messageOf(error)})`;
    throw new UsageError(
      `${settings.label(names.cert)} and ${
        settings.label(names.key)
      } expect a certificate and its key, ` +
        `found ${found}: see "etcd certs check"`,
    );
  }
}

/** The blocks of the file that the flag is about, in the form that the runtime reads. */
function readFile(path: string, label: string, isKey: boolean): string {
  const isWanted = (block: string) => block.endsWith("PRIVATE KEY") === isKey;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const cause = error instanceof Deno.errors.NotFound ? "no such file" : messageOf(error);
    throw new UsageError(`${label} "${printable(path)}": ${cause}`);
  }
  try {
    const blocks = readPem(text).filter((block) => isWanted(block.label));
    if (blocks.some(({ isEncrypted }) => isEncrypted)) {
      throw new PemError("expected a key without a passphrase, found an encrypted one");
    }
    if (blocks.length > 0) return blocks.map((block) => block.text).join("");
  } catch (error) {
    if (!(error instanceof PemError)) throw error;
    throw new UsageError(`${label} "${printable(path)}": ${error.message}`);
  }
  throw new UsageError(`${label} expects a PEM file, found none in "${printable(path)}"`);
}

/** Addresses as users write them, with a scheme or without; `secure` is what no scheme means. */
function peerUrls(list: string, label: string, secure: boolean): string[] {
  const items = list.split(/[\s,]+/).filter((item) => item !== "");
  if (items.length === 0) throw new UsageError(`${label} expects addresses, found none`);
  return items.map((item) => {
    const https = /^https:/i.test(item) || (secure && !/^http:/i.test(item));
    if (secure && !https) {
      throw new UsageError(
        `${label} "${printable(item)}" asks for no TLS, but -cacert or -cert is given: ` +
          'write "https://"',
      );
    }
    return `${https ? "https" : "http"}://${formatAddress(parseAddress(item, label, https))}`;
  });
}

/** How servers are asked, and as whom. */
export interface ClientOptions {
  readonly timeoutMs: number;
  readonly http: Deno.HttpClient;
  readonly showsCertificate: boolean;
  /** Who asks; undefined for whoever the certificate names, or a guest. */
  readonly login?: Login | undefined;
  /** The flags that advice names. */
  readonly names?: ConnectionNames;
}

/** See the file's head. */
export class Client implements Disposable {
  readonly urls: readonly string[];
  readonly #options: ClientOptions;
  readonly #names: ConnectionNames;
  /** Which address to begin with: the one that answered last. */
  #first = 0;

  constructor(urls: readonly string[], options: ClientOptions) {
    this.urls = urls;
    this.#options = options;
    this.#names = options.names ?? OWN_NAMES;
  }

  [Symbol.dispose](): void {
    this.#options.http.close();
  }

  get login(): Login | undefined {
    return this.#options.login;
  }

  /** What somebody is told who has to log in. */
  get loginHint(): string {
    return `authentication is on, say who you are with "-${this.#names.user}"`;
  }

  /** The same for one server alone; not to be closed. */
  at(url: string): Client {
    return new Client([url], this.#options);
  }

  /** The answer of the first server that gives one. Throws `CommandError` when none does. */
  async ask(request: Request): Promise<Answer> {
    return await this.#inTurn(request, (head) => answerOf(head, request.bytesMax));
  }

  /** Like `ask()`, but the body of a 200 comes in portions, and only its head has to come in time. */
  async open(request: Request): Promise<AsyncIterable<Uint8Array>> {
    return await this.#inTurn(request, async (head) => {
      if (head.status === 200) return head.portions;
      throw this.#serverError(request, await answerOf(head));
    });
  }

  /** The body of a success. Throws `ServerError` for anything else. */
  async get(request: Request): Promise<string> {
    const answer = await this.ask(request);
    if (answer.status === 200) return answer.body;
    throw this.#serverError(request, answer);
  }

  async #inTurn<T>(
    request: Request,
    take: (head: Head) => Promise<T>,
  ): Promise<T> {
    const failures: string[] = [];
    for (let i = 0; i < this.urls.length; i++) {
      const at = (this.#first + i) % this.urls.length;
      const url = this.urls[at]!;
      const isLast = i === this.urls.length - 1;
      try {
        const outcome = await this.#once(request, url, async (head) => {
          if (isLast || !mayBeForAnother(request, head.status)) return { of: await take(head) };
          const answer = await answerOf(head);
          if (!isForAnother(request, answer)) {
            return { of: await take({ ...head, portions: oncePortion(answer.body) }) };
          }
          failures.push(`"${url}" answered ${answer.status}`);
          return undefined;
        });
        if (outcome === undefined) continue;
        this.#first = at;
        return outcome.of;
      } catch (error) {
        if (error instanceof CommandError) throw error;
        const why = explain(error, this.#names, this.#options.showsCertificate);
        if (request.method !== "GET" && !why.unsent) {
          throw new CommandError(
            `Lost "${url}" before its answer: ${why.text}: ` +
              "whether it was done is unknown, look before you try again",
            EXIT.unreachable,
          );
        }
        failures.push(`"${url}": ${why.text}`);
      }
    }
    throw new CommandError(`Cannot reach ${failures.join("; ")}`, EXIT.unreachable);
  }

  /** The error that an answer tells of, in the API's own words. */
  #serverError({ method }: Request, { url, status, body, index }: Answer): ServerError {
    const fault = parseFault(body);
    const code = fault?.errorCode ?? status;
    const text = fault === undefined
      ? `"${url}" answered ${status}: ${printable(body.trim())}`
      : `${printable(fault.message)}: "${printable(fault.cause)}" (error ${code})`;
    const hint = code === UNAUTHORIZED && this.login === undefined ? `: ${this.loginHint}` : "";
    const mayBeDone = method !== "GET" && status >= 500 && code !== ELECTION &&
      !(status === 503 && code === UNAVAILABLE);
    return new ServerError(text + hint, code, mayBeDone ? EXIT.unreachable : EXIT.failed, index);
  }

  #headers(token: string | undefined): Record<string, string> {
    if (token === "") return {};
    if (token !== undefined) return { authorization: token };
    if (this.login === undefined) return {};
    const { user, password } = this.login;
    const text = new TextEncoder().encode(`${user}:${password}`).toBase64();
    return { authorization: `Basic ${text}` };
  }

  async #once<T>(
    { method, path, form, json, token, signal, ...rest }: Request,
    url: string,
    take: (head: Head) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = "timeoutMs" in rest ? rest.timeoutMs : this.#options.timeoutMs;
    const limit = new AbortController();
    signal?.addEventListener("abort", () => limit.abort(signal.reason));
    const timer = timeoutMs === undefined ? undefined : setTimeout(
      () => limit.abort(new Error(`no answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        client: this.#options.http,
        signal: limit.signal,
        headers: this.#headers(token),
        ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      });
      const { status, headers, body } = response;
      const index = /^\d{1,15}$/.exec(headers.get("x-raft-index") ?? "")?.[0];
      return await take({
        url,
        status,
        index: index === undefined ? undefined : Number(index),
        portions: portionsOf(body, limit.signal),
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** An answer whose body has yet to be read. */
interface Head extends Omit<Answer, "body"> {
  readonly portions: AsyncIterable<Uint8Array>;
}

async function answerOf({ portions, ...head }: Head, bytesMax?: number): Promise<Answer> {
  return { ...head, body: await textOf(portions, bytesMax) };
}

async function* oncePortion(text: string): AsyncGenerator<Uint8Array, void> {
  yield await Promise.resolve(new TextEncoder().encode(text));
}

/** Whether another server may do better, as far as the status tells. */
function mayBeForAnother({ method }: Request, status: number): boolean {
  return method === "GET" ? status >= 500 : status === 503;
}

/**
 * Whether another server may do better. A member's 503 says that it has not done
 * anything; anybody else's 503, a gateway's say, may hide a server that has.
 */
function isForAnother({ method }: Request, { body }: Answer): boolean {
  return method === "GET" || parseFault(body)?.errorCode === UNAVAILABLE;
}

/** The code of every 503. */
const UNAVAILABLE = 300;
/** The leader changed while a write was on its way, and nothing was changed. */
const ELECTION = 301;

/** Of v1: who asks is not known, or may not do this. */
const UNAUTHORIZED = 110;

interface Fault {
  readonly errorCode: number;
  readonly message: string;
  readonly cause: string;
}

/** Undefined for what is none of our API: a proxy's page, say. */
function parseFault(body: string): Fault | undefined {
  try {
    const { errorCode, message, cause } = JSON.parse(body);
    if (typeof errorCode !== "number") return undefined;
    return { errorCode, message: String(message), cause: String(cause) };
  } catch {
    return undefined;
  }
}

/** A success that is none of our API's: what answers there is something else. */
export function unexpectedBody(body: string): CommandError {
  return new CommandError(
    `Expected an answer of the v1 API, found "${printable(body.trim())}": is that an etcd`,
  );
}

interface Failure {
  readonly text: string;
  /** Whether the request can't have reached the server. */
  readonly unsent: boolean;
}

/** What the runtime says of TLS, by a part of it, and what that means to a user. */
const TLS_CAUSES: readonly (readonly [RegExp, (flags: ConnectionNames) => string])[] = [
  [/CertificateRequired/, (flags) => `it demands a client certificate: ${certificateHint(flags)}`],
  [
    /UnknownIssuer/,
    ({ cacert }) =>
      `its certificate is not signed by an authority that is trusted here: give "-${cacert}"`,
  ],
  [
    /received fatal alert: (UnknownCA|BadCertificate|DecryptError)/,
    ({ cert }) => `it refuses the certificate of -${cert}`,
  ],
  [/NotValidForName/, () => "its certificate is for other names than this address"],
  [/Expired/, () => "a certificate has expired"],
  [
    /InvalidContentType/,
    ({ cacert, cert }) =>
      `it speaks no TLS: leave "-${cacert}" and "-${cert}" out, or write "http://"`,
  ],
  [
    /invalid HTTP version/,
    ({ cacert }) => `it does not speak plain HTTP: give "-${cacert}", or write "https://"`,
  ],
];

function certificateHint({ cert, key }: ConnectionNames): string {
  return `give "-${cert}" and "-${key}"`;
}

/** Sent by a server that does not know yet who asks; under TLS 1.3 it may come after the request went out. */
const HANDSHAKE_ALERT =
  /fatal alert: (Certificate|UnknownCA|BadCertificate|UnsupportedCertificate|AccessDenied|DecryptError|HandshakeFailure|ProtocolVersion)/;

/** What `fetch` rejected with, in a user's words. */
function explain(error: unknown, flags: ConnectionNames, showsCertificate: boolean): Failure {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message = messageOf(cause);
  const unsent = message.includes("client error (Connect)") || HANDSHAKE_ALERT.test(message);
  const tls = TLS_CAUSES.find(([pattern]) => pattern.test(message));
  if (tls !== undefined) return { text: tls[1](flags), unsent };
  if (/close_notify|[Cc]onnection (reset|closed)|[Bb]roken pipe/.test(message)) {
    // What the server says of a missing certificate may be lost with the connection.
    const hint = showsCertificate
      ? ""
      : `: if it demands a client certificate, ${certificateHint(flags)}`;
    return { text: `the connection was cut${hint}`, unsent };
  }
  if (message.includes("Connection refused")) {
    return {
      text: `connection refused: start a node there, or name another one with "-${flags.peers}"`,
      unsent,
    };
  }
  const last = message.replace(/^.*client error \(\w+\): /, "").replace(/ \(os error \d+\)/, "");
  return { text: last, unsent };
}
