/** The headers with which a peer opens its stream. */
import { formatId } from "../../src/base/ids.ts";
import {
  type Hello,
  helloHeaders,
  judgeAddress,
  parseHello,
  parseReason,
  refusalResponse,
} from "../../src/transport/handshake.ts";
import { anyInteger, anyText, mutated } from "./mutate.ts";
import { bytesOf, expectSame, FuzzError, type Subject, textOf } from "./subject.ts";

const CLUSTER = 77;
const SELF = 5;

export const handshakes: Subject = {
  name: "handshakes",
  promise: "a refusal of one line, or what was announced",
  make(random) {
    const id = (own: number) => random.chance(0.7) ? own : Math.max(1, anyInteger(random));
    const hello: Hello = {
      clusterId: id(CLUSTER),
      from: id(9),
      session: id(3),
      to: id(SELF),
      name: anyText(random, 20),
      url: random.pick(["http://127.0.0.1:7001", "http://[::1]:7001", "https://a:1"]),
      version: "1.0.0",
    };
    const bytes = bytesOf(JSON.stringify(helloHeaders(hello)));
    return random.chance(0.7) ? mutated(bytes, random) : bytes;
  },
  check([input]) {
    const headers = headersOf(textOf(input!));
    if (headers === undefined) return;
    for (const secure of [false, true]) {
      const result = parseHello((name) => headers.get(name), secure);
      const judged = result.ok ? judgeAddress(result.hello, SELF, CLUSTER) : result;
      if (!judged.ok) checkRefusal(judged, refusalResponse(judged, CLUSTER));
      if (result.ok) checkHello(result.hello, headers, secure);
    }
  },
};

function checkHello(hello: Hello, headers: Map<string, string>, secure: boolean): void {
  expectSame(formatId(hello.clusterId), headers.get("etcd-cluster"), "The cluster");
  expectSame(formatId(hello.from), headers.get("etcd-from"), "The caller");
  expectSame(formatId(hello.session), headers.get("etcd-session"), "The session");
  expectSame(formatId(hello.to), headers.get("etcd-to"), "The receiver");
  expectSame(hello.url.toLowerCase().startsWith(secure ? "https:" : "http:"), true, "The scheme");
  if (/\p{Cc}/u.test(hello.name)) throw new FuzzError("A control character in the name");
}

function checkRefusal({ status, reason }: { status: number; reason: string }, response: string) {
  expectSame(status >= 400 && status < 600, true, "The status");
  const end = response.indexOf("\r\n\r\n");
  const length = /\r\nContent-Length: (\d+)\r\n/.exec(response.slice(0, end + 2))?.[1];
  const body = response.slice(end + 4);
  expectSame(length, `${bytesOf(body).length}`, "The length of the refusal");
  expectSame(parseReason(body)?.reason, reason.replaceAll(/\p{Cc}/gu, " "), "The reason");
}

/** Undefined when the mutation left no object of strings. */
function headersOf(text: string): Map<string, string> | undefined {
  try {
    const entries = Object.entries(JSON.parse(text));
    return new Map(entries.map(([name, value]) => [name, String(value)]));
  } catch {
    return undefined;
  }
}
