/** Messages as the gateway's JSON. Texts and bodies were recorded from etcd 3.4.23's own codec. */
import { assertEquals, assertThrows } from "@std/assert";
import { decodeJson, decodeMessages } from "../../../src/api/v3/messages/json_decode.ts";
import { encodeJson, jsonString } from "../../../src/api/v3/messages/json_encode.ts";
import {
  PutRequest,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from "../../../src/api/v3/messages/kv.ts";
import { LeaseGrantRequest } from "../../../src/api/v3/messages/lease.ts";
import { AlarmRequest, HashKvResponse } from "../../../src/api/v3/messages/maintenance.ts";
import { MessageError } from "../../../src/api/v3/messages/message_error.ts";
import type { MessageType } from "../../../src/api/v3/messages/table.ts";
import { WatchRequest, WatchResponse } from "../../../src/api/v3/messages/watch.ts";
import { ALL_METHODS } from "../../../src/api/v3/methods.ts";
import { SeededRandom } from "../../sim/random.ts";
import { randomMessage } from "./random_message.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function refused(type: MessageType<object>, text: string, message: string): void {
  assertThrows(() => decodeJson(type, text), MessageError, message);
}

Deno.test("decodeJson() returns what encodeJson() was given, whatever the message", () => {
  const types = new Set(ALL_METHODS.flatMap(({ request, response }) => [request, response]));
  for (const [stream, type] of [...types].entries()) {
    const random = new SeededRandom(2, stream);
    for (let i = 0; i < 100; i++) {
      const message = randomMessage(type, random);
      assertEquals(decodeJson(type, encodeJson(type, message)), message, type.name);
    }
  }
});

Deno.test("encodeJson() prints as etcd's gateway does", () => {
  const header = {
    clusterId: 14841639068965178418n,
    memberId: 10276657743932975437n,
    revision: 5,
    raftTerm: 2,
  };
  const kv = { key: "foo", createRevision: 2, modRevision: 4, version: 2, value: bytes("bar") };
  const headerText =
    '"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":"5","raft_term":"2"}';
  const kvText =
    '{"key":"Zm9v","create_revision":"2","mod_revision":"4","version":"2","value":"YmFy"}';
  assertEquals(
    encodeJson(RangeResponse, { header, kvs: [kv, { ...kv, lease: -1n }], more: true, count: 3 }),
    `{${headerText},"kvs":[${kvText},${
      kvText.replace("}", ',"lease":"-1"}')
    }],"more":true,"count":"3"}`,
  );
  assertEquals(
    encodeJson(TxnResponse, {
      header,
      responses: [{ kind: "put", value: {} }, { kind: "none" }, {
        kind: "deleteRange",
        value: { deleted: 1, prevKvs: [kv] },
      }],
    }),
    `{${headerText},"responses":[{"response_put":{}},{},{"response_delete_range":{"deleted":"1","prev_kvs":[${kvText}]}}]}`,
  );
  assertEquals(
    encodeJson(WatchResponse, {
      events: [{ kv }, { type: "DELETE", kv: { key: "\u00ff" } }, { type: 7 }],
    }),
    `{"events":[{"kv":${kvText}},{"type":"DELETE","kv":{"key":"/w=="}},{"type":7}]}`,
  );
  assertEquals(encodeJson(HashKvResponse, { hash: 4294967295 }), '{"hash":4294967295}');
});

Deno.test("encodeJson() leaves out zeros, but not those of a oneof", () => {
  assertEquals(encodeJson(RangeRequest, { key: "", limit: 0, sortOrder: "NONE" }), "{}");
  assertEquals(
    encodeJson(TxnRequest, { compare: [{ operand: { kind: "version", value: 0 } }] }),
    '{"compare":[{"version":"0"}]}',
  );
});

Deno.test("jsonString() escapes as Go does, so that nothing is mistaken for HTML", () => {
  assertEquals(
    jsonString('<a href="x">&\u2028\b\f\n\\b\ud800é'),
    '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028\\u0008\\u000c\\n\\\\b\ufffdé"',
  );
});

Deno.test("decodeJson() takes original names and camel case", () => {
  const snake = decodeJson(RangeRequest, '{"range_end":"AA==","min_mod_revision":"3"}');
  assertEquals(decodeJson(RangeRequest, '{"rangeEnd":"AA==","minModRevision":3}'), snake);
  assertEquals(snake.rangeEnd, "\0");
  assertEquals(decodeJson(RangeRequest, '{"KEY":"AA==","Range_End":"AA=="}').key, "");
});

Deno.test("decodeJson() keeps 64 bits of ids, as strings and as numbers", () => {
  const id = (text: string) => decodeJson(LeaseGrantRequest, `{"ID":${text}}`).id;
  assertEquals(id("9223372036854775807"), 2n ** 63n - 1n);
  assertEquals(id('"-9223372036854775808"'), -(2n ** 63n));
  assertEquals(id("7587854293847023905"), 7587854293847023905n);
  assertEquals(
    decodeJson(AlarmRequest, '{"memberID":18446744073709551615}').memberId,
    2n ** 64n - 1n,
  );
});

Deno.test("decodeJson() holds revisions beyond 2^53 - 1 at that bound", () => {
  const revision = (text: string) => decodeJson(RangeRequest, `{"revision":${text}}`).revision;
  assertEquals(revision("9007199254740993"), Number.MAX_SAFE_INTEGER);
  assertEquals(revision('"9223372036854775807"'), Number.MAX_SAFE_INTEGER);
  assertEquals(revision("-9223372036854775808"), Number.MIN_SAFE_INTEGER);
  assertEquals(revision('"-1"'), -1);
});

Deno.test("decodeJson() takes enums by name and by number", () => {
  const order = (text: string) => decodeJson(RangeRequest, `{"sort_order":${text}}`).sortOrder;
  assertEquals([order('"DESCEND"'), order("1"), order("99")], ["DESCEND", "ASCEND", 99]);
  refused(
    RangeRequest,
    '{"sort_order":"UP"}',
    'unknown value "UP" for enum etcdserverpb.RangeRequest_SortOrder',
  );
});

Deno.test("decodeJson() ignores unknown fields, whatever is in them", () => {
  const text = '{"x":{"y":[1,2.5e3,{"z":null}]},"key":"Zm9v","":true,"__proto__":{"key":"AA=="}}';
  assertEquals(decodeJson(RangeRequest, text), decodeJson(RangeRequest, '{"key":"Zm9v"}'));
});

Deno.test("decodeJson() takes null as absent", () => {
  const text = '{"key":null,"limit":null,"sort_order":null,"serializable":null}';
  assertEquals(decodeJson(RangeRequest, text), decodeJson(RangeRequest, "{}"));
  assertEquals(decodeJson(RangeRequest, "null"), decodeJson(RangeRequest, "{}"));
  assertEquals(decodeJson(WatchRequest, '{"create_request":null}'), { kind: "none" });
  // Crashes etcd 3.4.
  assertEquals(decodeJson(TxnRequest, '{"success":[null]}').success, [{ kind: "none" }]);
});

Deno.test("decodeJson() takes the first value of a body, and an empty body for an empty message", () => {
  const empty = decodeJson(RangeRequest, "{}");
  assertEquals(decodeJson(RangeRequest, ""), empty);
  assertEquals(decodeJson(RangeRequest, " \r\n\t"), empty);
  assertEquals(decodeJson(RangeRequest, bytes('{"key":"Zm9v"} {"key":"YmFy"} x')).key, "foo");
});

Deno.test("decodeJson() lets the last of two equal names win, and camel case over the original", () => {
  assertEquals(decodeJson(RangeRequest, '{"key":"Zm9v","key":"YmFy"}').key, "bar");
  assertEquals(decodeJson(RangeRequest, '{"rangeEnd":"YmFy","range_end":"Zm9v"}').rangeEnd, "bar");
});

Deno.test("decodeJson() refuses text that is no JSON in Go's words", () => {
  const cases: Readonly<Record<string, string>> = {
    "{": "unexpected EOF",
    '{"key': "unexpected EOF",
    '{"key":"Zm9v"': "unexpected EOF",
    "key=value": "invalid character 'k' looking for beginning of value",
    "{key:1}": "invalid character 'k' looking for beginning of object key string",
    '{"key" 1}': "invalid character '1' after object key",
    '{"key":1 2}': "invalid character '2' after object key:value pair",
    '{"a":[1 2]}': "invalid character '2' after array element",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    "{\"a\":'b'}": "invalid character '\\'' looking for beginning of value",
    '{"a":tru}': "invalid character '}' in literal true (expecting 'e')",
    '{"a":01}': "invalid character '1' after object key:value pair",
    '{"a":-}': "invalid character '}' in numeric literal",
    '{"a":1.}': "invalid character '}' after decimal point in numeric literal",
    '{"a":1e}': "invalid character '}' in exponent of numeric literal",
    '{"a":"\\x"}': "invalid character 'x' in string escape code",
    '{"a":"\\u12"}': "invalid character '\"' in \\u hexadecimal character escape",
    '{"a":"\t"}': "invalid character '\\t' in string literal",
    "\u00e9": "invalid character 'Ã' looking for beginning of value",
  };
  for (const [text, message] of Object.entries(cases)) {
    const error = assertThrows(() => decodeJson(RangeRequest, text), MessageError);
    assertEquals(error.message, message);
  }
});

Deno.test("decodeJson() refuses values of another type in Go's words", () => {
  const of = "json: cannot unmarshal";
  refused(RangeRequest, '{"key":1}', `${of} number into Go value of type []uint8`);
  refused(RangeRequest, '{"limit":true}', `${of} bool into Go value of type int64`);
  refused(RangeRequest, '{"limit":1.5}', `${of} number 1.5 into Go value of type int64`);
  refused(RangeRequest, '{"limit":"1e3"}', `${of} number 1e3 into Go value of type int64`);
  refused(
    RangeRequest,
    '{"limit":9223372036854775808}',
    `${of} number 9223372036854775808 into Go value of type int64`,
  );
  refused(RangeRequest, `{"limit":${"9".repeat(1_000_000)}}`, `${of} number 999`);
  refused(RangeRequest, '{"limit":"x"}', "invalid character 'x' looking for beginning of value");
  refused(RangeRequest, '{"limit":"7 x"}', "invalid character 'x' after top-level value");
  refused(RangeRequest, '{"limit":""}', "unexpected end of JSON input");
  refused(RangeRequest, '{"serializable":"true"}', `${of} string into Go value of type bool`);
  refused(TxnRequest, '{"success":{}}', `${of} object into Go value of type []json.RawMessage`);
  refused(TxnRequest, "[]", `${of} array into Go value of type map[string]json.RawMessage`);
  const filters = (json: string) => `{"create_request":{"filters":${json}}}`;
  const filterType = "enum etcdserverpb.WatchCreateRequest_FilterType";
  refused(WatchRequest, filters('"NOPUT"'), `invalid target "slice" for ${filterType}`);
  refused(WatchRequest, filters('"no"'), `unknown value "no" for ${filterType}`);
  refused(WatchRequest, filters("1"), `${of} number into Go value of type []json.RawMessage`);
  refused(AlarmRequest, '{"memberID":-1}', `${of} number -1 into Go value of type uint64`);
});

Deno.test("decodeJson() takes bytes as a list of numbers, too", () => {
  const put = decodeJson(PutRequest, '{"key":[97,0,255],"value":[1,null,255]}');
  assertEquals([put.key, put.value], ["a\0\xff", Uint8Array.of(1, 0, 255)]);
  const empty = decodeJson(PutRequest, '{"key":[],"value":[]}');
  assertEquals([empty.key, empty.value], ["", new Uint8Array(0)]);
  const of = "json: cannot unmarshal";
  const cases = {
    "[256]": `${of} number 256 into Go value of type uint8`,
    "[-1]": `${of} number -1 into Go value of type uint8`,
    "[1.5]": `${of} number 1.5 into Go value of type uint8`,
    '["97"]': `${of} string into Go value of type uint8`,
    "[[1]]": `${of} array into Go value of type uint8`,
  };
  for (const [list, message] of Object.entries(cases)) {
    refused(PutRequest, `{"key":${list}}`, message);
    refused(PutRequest, `{"value":${list}}`, message);
  }
});

Deno.test("decodeJson() refuses keys that nobody has encoded", () => {
  const at = (index: number) => `illegal base64 data at input byte ${index}`;
  const cases: Readonly<Record<string, number>> = {
    foo: 0,
    "/a/b": -1,
    "my-key": 2,
    "Zm9": 0,
    "Zm9vYm": 4,
    "Zg=": 3,
    "Z===": 1,
    "Zm9v=": 4,
    "Zm9vYg==x": 8,
    "=": 0,
    "é": 0,
  };
  for (const [text, index] of Object.entries(cases)) {
    const body = JSON.stringify({ key: text });
    if (index < 0) decodeJson(PutRequest, body);
    else refused(PutRequest, body, at(index));
  }
});

Deno.test("decodeJson() bounds how deeply values are nested", () => {
  refused(RangeRequest, `{"x":${"[".repeat(100_000)}`, "exceeded max depth");
  const txn = '{"success":[{"request_txn":'.repeat(60) + "{}" + "}]}".repeat(60);
  refused(TxnRequest, txn, "more than 100 messages are nested");
});

Deno.test("decodeMessages() finds one message after another, up to what is none", () => {
  const keysOf = (text: string) => decodeMessages(RangeRequest, bytes(text)).map(({ key }) => key);
  assertEquals(keysOf(""), []);
  assertEquals(keysOf('\n{"key":"YQ=="}{}\r\n  {"key":"Yg==","x":"}\\"{"}\n'), ["a", "", "b"]);
  assertEquals(keysOf('{"key":"YQ=="} x {"key":"Yg=="}'), ["a"]);
  assertEquals(keysOf('{"key":"YQ=="}{"key":'), ["a"]);
  const first = (text: string, words: string) =>
    assertThrows(() => decodeMessages(RangeRequest, bytes(text)), MessageError, words);
  first("x", "invalid character 'x' looking for beginning of value");
  first("[{}]", "json: cannot unmarshal array into Go value of type map[string]json.RawMessage");
  first('{"key":', "unexpected EOF");
});
