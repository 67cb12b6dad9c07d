/** HPACK by the examples of its RFC, by what may not be, and there and back. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HpackDecoder, HpackError } from "../../../src/http/h2/hpack_decoder.ts";
import { HpackEncoder } from "../../../src/http/h2/hpack_encoder.ts";
import { STATIC_FIELDS } from "../../../src/http/h2/hpack_table.ts";
import { huffmanLength, readHuffman, writeHuffman } from "../../../src/http/h2/huffman.ts";
import type { Field, Fields } from "../../../src/http/h2/stream.ts";

const LIST_BYTES_MAX = 16 * 1024;

function decode(decoder: HpackDecoder, hex: string): string[] {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const { fields } = decoder.decode(bytes, 0, bytes.length);
  return fields.map(([name, value]) => `${name}: ${value}`);
}

function refuses(hex: string, decoder = new HpackDecoder(LIST_BYTES_MAX)): void {
  assertThrows(() => decode(decoder, hex), HpackError);
}

const FIRST = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const SECOND = [...FIRST, "cache-control: no-cache"];
const THIRD = [
  ":method: GET",
  ":scheme: https",
  ":path: /index.html",
  ":authority: www.example.com",
  "custom-key: custom-value",
];

for (
  const [section, blocks] of [
    ["C.3", [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]],
    ["C.4", [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ]],
  ] as const
) {
  Deno.test(`HpackDecoder takes the three requests of RFC 7541 ${section}`, () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    assertEquals(blocks.map((block) => decode(decoder, block)), [FIRST, SECOND, THIRD]);
  });
}

Deno.test("HpackDecoder takes the single fields of RFC 7541 C.2", () => {
  const decoder = new HpackDecoder(LIST_BYTES_MAX);
  assertEquals(
    decode(decoder, "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"),
    ["custom-key: custom-header"],
  );
  assertEquals(decode(decoder, "be"), ["custom-key: custom-header"]);
  assertEquals(decode(decoder, "040c 2f73 616d 706c 652f 7061 7468"), [":path: /sample/path"]);
  assertEquals(decode(decoder, "1008 7061 7373 776f 7264 0673 6563 7265 74"), [
    "password: secret",
  ]);
  assertEquals(decode(decoder, "82"), [":method: GET"]);
  refuses("bf", decoder);
});

/** The responses of C.5 and C.6 are made for a table of 256 bytes: entries have to be driven out. */
const RESPONSES = [
  [
    ":status: 302",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 307",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 200",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:22 GMT",
    "location: https://www.example.com",
    "content-encoding: gzip",
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
  ],
];

for (
  const [section, blocks] of [
    ["C.5", [
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032" +
      "303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "4803 3330 37c1 c0bf",
      "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0" +
      "5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851" +
      "5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ]],
    ["C.6", [
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b" +
      "ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      "4883 640e ffc1 c0bf",
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad" +
      "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160" +
      "65c0 03ed 4ee5 b106 3d50 07",
    ]],
  ] as const
) {
  Deno.test(`HpackDecoder takes the three responses of RFC 7541 ${section}`, () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    assertEquals(decode(decoder, "3fe101"), []);
    assertEquals(blocks.map((block) => decode(decoder, block)), RESPONSES);
  });
}

Deno.test("HpackDecoder refuses an index that is nowhere (RFC 7541 2.3.3, 6.1)", () => {
  refuses("80");
  refuses("be");
  refuses("ff80808001");
  refuses("7e0161");
});

Deno.test("HpackDecoder refuses integers and strings that end behind the block (RFC 7541 5.1, 5.2)", () => {
  for (const hex of ["ff", "ff80", "40", "4001", "400161", "40016102", "4001610261", "0f"]) {
    refuses(hex);
  }
});

Deno.test("HpackDecoder refuses integers that are too large, however many bytes they take (RFC 7541 5.1)", () => {
  refuses("ffffffffff7f");
  refuses("ff8080808080808080808000");
  refuses("007fffffffff0f");
});

Deno.test("HpackDecoder takes an integer with zeros in front of its end (RFC 7541 5.1)", () => {
  assertEquals(
    decode(new HpackDecoder(LIST_BYTES_MAX), "0f8080 00 0161".replace("0f8080 00", "0f00")),
    [
      "accept-charset: a",
    ],
  );
  assertEquals(decode(new HpackDecoder(LIST_BYTES_MAX), "0f8000 0161"), ["accept-charset: a"]);
});

Deno.test("HpackDecoder refuses a string that is no Huffman code (RFC 7541 5.2)", () => {
  // Padding of 8 bits, padding of zeros, EOS, and the whole of a code of 30 ones.
  refuses("008261ff 0161".replace("61ff", "1fff"));
  refuses("0081180161");
  refuses("0084ffffffff0161");
  refuses("0081ff0161");
});

Deno.test("HpackDecoder refuses a table size above what was allowed, or behind a field (RFC 7541 4.2, 6.3)", () => {
  refuses("3fe21f");
  refuses("8220");
  assertEquals(decode(new HpackDecoder(LIST_BYTES_MAX), "203fe11f82"), [":method: GET"]);
});

Deno.test("HpackDecoder empties its table when an entry is larger than it (RFC 7541 4.4)", () => {
  const decoder = new HpackDecoder(LIST_BYTES_MAX);
  decode(decoder, "40016101 62");
  assertEquals(decode(decoder, "be"), ["a: b"]);
  const [fields] = decode(decoder, `4001 63 7fa11f${"64".repeat(4128)}`);
  assertEquals(fields?.length, 4131);
  refuses("be", decoder);
});

Deno.test("HpackDecoder keeps of a list no more than is allowed, and its table all the same", () => {
  const decoder = new HpackDecoder(100);
  decode(decoder, `400161 1e${"62".repeat(30)}`);
  const many = Buffer.from("be".repeat(10_000), "hex");
  const { fields, isTooLong } = decoder.decode(many, 0, many.length);
  assertEquals([fields.length, isTooLong], [1, true]);
  const last = Buffer.from(`${"be".repeat(9)}4001630164`, "hex");
  assert(decoder.decode(last, 0, last.length).isTooLong);
  assertEquals(decode(decoder, "be"), ["c: d"]);
});

Deno.test("huffman gives back every octet, alone and among others", () => {
  const target = Buffer.alloc(4096);
  for (let octet = 0; octet < 256; octet++) {
    for (const text of [String.fromCharCode(octet), `a${String.fromCharCode(octet, octet)}z`]) {
      const bytes = new Uint8Array(64);
      const end = writeHuffman(text, bytes, 3);
      assertEquals(end - 3, huffmanLength(text));
      const count = readHuffman(bytes, 3, end, target);
      assertEquals(target.toString("latin1", 0, count), text);
    }
  }
});

const CONSTANT: Fields = [["content-type", "application/grpc"], ["x-own", "value"]];

function roundTrip(
  encoder: HpackEncoder,
  decoder: HpackDecoder,
  status: number | undefined,
  fields: Fields,
): { readonly fields: readonly Field[]; readonly length: number } {
  const block = Buffer.from(encoder.encode(status, fields));
  return { fields: decoder.decode(block, 0, block.length).fields, length: block.length };
}

Deno.test("HpackEncoder sends a list that is passed again and again as indexes", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIST_BYTES_MAX)];
  const lengths = Array.from({ length: 5 }, () => {
    const { fields, length } = roundTrip(encoder, decoder, 200, CONSTANT);
    assertEquals(fields, [[":status", "200"], ...CONSTANT]);
    return length;
  });
  assertEquals(lengths.slice(2), [3, 3, 3]);
  const others: Fields = [["other", "field"]];
  for (let i = 0; i < 3; i++) roundTrip(encoder, decoder, undefined, others);
  assertEquals(roundTrip(encoder, decoder, 404, CONSTANT).fields, [
    [":status", "404"],
    ...CONSTANT,
  ]);
  assertEquals(roundTrip(encoder, decoder, 499, CONSTANT).fields, [
    [":status", "499"],
    ...CONSTANT,
  ]);
});

Deno.test("HpackEncoder indexes the first field of a name, and no other however it changes", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIST_BYTES_MAX)];
  const lengths = ["0", "1", "0", "22"].map((value) => {
    const { fields, length } = roundTrip(encoder, decoder, undefined, [["number", value]]);
    assertEquals(fields, [["number", value]]);
    return length;
  });
  // All of it; an index and a value; an index alone.
  assertEquals(lengths, [10, 4, 1, 5]);
  assertEquals(decoder.version, 1);
});

Deno.test("HpackEncoder never indexes secrets (RFC 7541 7.1.3)", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIST_BYTES_MAX)];
  const secret: Fields = [["set-cookie", "session=1"]];
  for (let i = 0; i < 4; i++) {
    assertEquals(roundTrip(encoder, decoder, undefined, secret).fields, secret);
  }
  assertEquals(encoder.encode(undefined, secret)[0]! & 0xf0, 0x10);
  assertEquals(decoder.version, 0);
});

Deno.test("HpackEncoder forgets what a smaller table of the peer has lost", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIST_BYTES_MAX)];
  const fields: Fields = [["first", "1"], ["second", "2"], ["third", "3"]];
  roundTrip(encoder, decoder, undefined, fields);
  // Room for the last two: 38 and 39 bytes.
  encoder.allowTable(77);
  for (let round = 0; round < 3; round++) {
    assertEquals(roundTrip(encoder, decoder, undefined, fields).fields, fields);
  }
  assertEquals(encoder.encode(undefined, fields.slice(1)).length, 2);
  encoder.allowTable(0);
  assertEquals(roundTrip(encoder, decoder, undefined, fields).fields, fields);
});

Deno.test("HpackEncoder tells the sizes that the peer allows, the smallest first (RFC 7541 4.2)", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIST_BYTES_MAX)];
  for (let i = 0; i < 3; i++) roundTrip(encoder, decoder, 200, CONSTANT);
  encoder.allowTable(0);
  encoder.allowTable(64);
  assertEquals(encoder.encode(200, []).toHex(), "203f2188");
  assertEquals(roundTrip(encoder, decoder, 200, CONSTANT).fields.slice(1), CONSTANT);
  encoder.allowTable(2 ** 32 - 1);
  assertEquals(encoder.encode(200, []).toHex(), "3fe11f88");
  encoder.allowTable(4096);
  assertEquals(encoder.encode(200, []).toHex(), "88");
});

Deno.test("HpackEncoder drives nothing out of the table: lists beyond its size stay literals", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIST_BYTES_MAX)];
  const lists = Array.from({ length: 60 }, (_, i): Fields => [[`name-${i}`, "v".repeat(60)]]);
  for (let round = 0; round < 4; round++) {
    for (const list of [...lists, ...lists].toSorted()) {
      assertEquals(roundTrip(encoder, decoder, undefined, list).fields, list);
    }
  }
  assertEquals(encoder.encode(undefined, lists[0]!).length, 1);
});

Deno.test("HpackEncoder lets no value add a field, and no text be more than octets", () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIST_BYTES_MAX)];
  const { fields } = roundTrip(encoder, decoder, undefined, [["a", "b\r\nc: d\0☃é\t"]]);
  assertEquals(fields, [["a", "b??c: d??é\t"]]);
});

Deno.test("HpackEncoder and HpackDecoder know the 61 fields of RFC 7541 A", () => {
  assertEquals(STATIC_FIELDS.length, 61);
  assertEquals(STATIC_FIELDS[15], ["accept-encoding", "gzip, deflate"]);
  assertEquals(STATIC_FIELDS[60], ["www-authenticate", ""]);
});
