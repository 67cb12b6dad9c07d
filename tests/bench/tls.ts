/** Loads of v2 under mutual TLS, by HTTP/1.1 and HTTP/2, against etcd's v2. */
import { KEY_NUMBER, type Plan, runGenerator, type WireRequest } from "./generator.ts";
import { FORM, KEYS, PREFIX } from "./keys.ts";
import { type Measured, p99s, rates, withoutErrors } from "./measured.ts";
import { comparing, type Comparison, pairs, type Part, type Settings } from "./part.ts";
import type { Subject } from "./subject.ts";

const CONNECTIONS = 64;
/** Handshakes at once: few, because they keep a core busy. */
const DIALLERS = 8;
/** Of a load that only makes the keys. */
const FILL_SECONDS = 1;

export const MUTUAL = { isMutual: true };

/** By name. */
export const TLS_PARTS: readonly (readonly [name: string, part: Part])[] = [
  ["tls", comparing(compareHttp1, MUTUAL)],
  ["tls-http2", comparing(compareHttp2, MUTUAL)],
  ["handshakes", comparing(compareHandshakes, MUTUAL)],
];

type Method = "GET" | "PUT";

export async function compareHttp1(...[a, b, , settings, report]: Parameters<Comparison>) {
  const by = (method: Method) => (subject: Subject) => byHttp1(subject, settings, method);
  const put = await pairs(settings, by("PUT"), a, b);
  report({ ...rates(...put), what: "PUT, mutual TLS, HTTP/1.1", bar: ">= 1.5 x" });
  report({ ...p99s(...put), what: "PUT p99, mutual TLS, HTTP/1.1" });
  const get = await pairs(settings, by("GET"), a, b);
  report({ ...rates(...get), what: "GET linearizable, mutual TLS, HTTP/1.1", bar: ">= 1.3 x" });
}

function byHttp1(subject: Subject, { seconds }: Settings, method: Method): Promise<Measured> {
  const request = http1Request(method);
  return load(subject, { kind: "http1", connections: CONNECTIONS, request, seconds });
}

export async function compareHttp2(...[a, b, , settings, report]: Parameters<Comparison>) {
  for (const subject of [a, b]) await fill(subject);
  const by = (method: Method) => (subject: Subject) =>
    load(subject, {
      kind: "http2",
      connections: CONNECTIONS,
      request: http2Request(subject, method),
      seconds: settings.seconds,
    });
  const put = await pairs(settings, by("PUT"), a, b);
  report({ ...rates(...put), what: "PUT, mutual TLS, HTTP/2", bar: ">= 2.5 x" });
  report({ ...p99s(...put), what: "PUT p99, mutual TLS, HTTP/2" });
  const get = await pairs(settings, by("GET"), a, b);
  report({ ...rates(...get), what: "GET linearizable, mutual TLS, HTTP/2", bar: ">= 3 x" });
}

export async function compareHandshakes(...[a, b, , settings, report]: Parameters<Comparison>) {
  for (const subject of [a, b]) await fill(subject);
  const found = await pairs(
    settings,
    (subject) =>
      load(subject, {
        kind: "connect",
        connections: DIALLERS,
        request: http1Request("GET"),
        seconds: settings.seconds,
      }),
    a,
    b,
  );
  report({ ...rates(...found), what: "New connections, mutual TLS, a GET each", bar: ">= 1.0 x" });
}

/** Makes every key: afterwards a PUT is answered 200 and never 201. */
async function fill(subject: Subject): Promise<void> {
  const request = http1Request("PUT");
  const seconds = FILL_SECONDS;
  await load(subject, { kind: "http1", connections: CONNECTIONS, request, seconds });
}

async function load(subject: Subject, plan: Omit<Plan, "keys">): Promise<Measured> {
  const { leader, tls, name } = subject;
  return withoutErrors(await runGenerator(leader.clientUrl, tls, { ...plan, keys: KEYS }), name);
}

function pathOf(method: Method): string {
  return `/v2/keys/${PREFIX}${KEY_NUMBER}${method === "GET" ? "?quorum=true" : ""}`;
}

const FORM_TYPE = "application/x-www-form-urlencoded";

function http1Request(method: Method): WireRequest {
  const lines = [`${method} ${pathOf(method)} HTTP/1.1`, "Host: localhost"];
  if (method === "PUT") lines.push(`Content-Type: ${FORM_TYPE}`, `Content-Length: ${FORM.length}`);
  const text = `${lines.join("\r\n")}\r\n\r\n${method === "PUT" ? FORM : ""}`;
  return { fields: [], body: new TextEncoder().encode(text) };
}

function http2Request(subject: Subject, method: Method): WireRequest {
  const common = [
    [":method", method],
    [":scheme", "https"],
    [":path", pathOf(method)],
    [":authority", new URL(subject.leader.clientUrl).host],
  ] as const;
  if (method === "GET") return { fields: common, body: new Uint8Array() };
  return {
    fields: [...common, ["content-type", FORM_TYPE], ["content-length", `${FORM.length}`]],
    body: new TextEncoder().encode(FORM),
  };
}
