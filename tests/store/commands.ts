/** One of every command, for tests of their bytes; and commands by seeds. */
import { byteStringOf } from "../../src/store/byte_string.ts";
import {
  type Command,
  type Compare,
  PLAIN_RANGE,
  type PutOperation,
  type RangeOperation,
  type SetCommand,
  type TreePutCommand,
} from "../../src/store/command/command.ts";

/** The UTF-8 of `text`, as plain bytes: a `Buffer` is equal to no `Uint8Array`. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function setCommand(fields: Partial<SetCommand> = {}): SetCommand {
  return {
    type: "set",
    key: "/message",
    value: utf8("Hello"),
    prevValue: undefined,
    ttlSeconds: undefined,
    ...fields,
  };
}

export function treePut(fields: Partial<TreePutCommand> = {}): TreePutCommand {
  return {
    type: "treePut",
    key: "/message",
    value: utf8("Hello"),
    isDirectory: false,
    inOrder: false,
    prevExist: undefined,
    prevValue: undefined,
    prevIndex: 0,
    ttlSeconds: undefined,
    refresh: false,
    ...fields,
  };
}

export function put(fields: Partial<PutOperation> = {}): PutOperation {
  return {
    type: "put",
    key: "foo",
    value: utf8("bar"),
    lease: 0n,
    wantsPrevious: false,
    ignoreValue: false,
    ignoreLease: false,
    ...fields,
  };
}

export function range(fields: Partial<RangeOperation> = {}): RangeOperation {
  return {
    ...PLAIN_RANGE,
    key: "\0",
    rangeEnd: "\0",
    ...fields,
  };
}

export function compare(fields: Partial<Compare> = {}): Compare {
  return {
    key: "foo",
    rangeEnd: "",
    operator: "equal",
    target: "version",
    number: 0,
    value: utf8(""),
    lease: 0n,
    ...fields,
  };
}

const TREE_DELETE = {
  type: "treeDelete",
  key: "/a",
  isDirectory: false,
  recursive: false,
  prevValue: undefined,
  prevIndex: 0,
} as const;

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i);

export const COMMANDS: readonly Command[] = [
  setCommand(),
  setCommand({ value: utf8("") }),
  setCommand({ prevValue: utf8("one") }),
  setCommand({ prevValue: utf8("") }),
  setCommand({ ttlSeconds: 5 }),
  setCommand({ ttlSeconds: 0 }),
  setCommand({ ttlSeconds: -5, prevValue: utf8("one") }),
  setCommand({ ttlSeconds: Number.MAX_SAFE_INTEGER }),
  setCommand({ ttlSeconds: -Number.MAX_SAFE_INTEGER }),
  setCommand({ key: byteStringOf("/☃/𝄞"), prevValue: utf8("\uFEFF\uFFFD\0") }),
  setCommand({ key: "/", value: EVERY_BYTE }),
  setCommand({ value: utf8("v".repeat(1_000_000)), prevValue: utf8("☃".repeat(300_000)) }),
  { type: "delete", key: "/a/b" },
  { type: "expire", key: "/a", setIndex: 3, isDirectory: false },
  { type: "expire", key: "/a", setIndex: Number.MAX_SAFE_INTEGER, isDirectory: true },
  {
    type: "auth",
    changes: [
      { type: "authEnable", secret: EVERY_BYTE },
      { type: "authDisable" },
      { type: "userAdd", user: byteStringOf("ü"), passwordHash: "$h", noPassword: false },
      { type: "userAdd", user: "c", passwordHash: "", noPassword: true },
      { type: "userDelete", user: "u" },
      { type: "userChangePassword", user: "u", passwordHash: "$i" },
      { type: "userGrantRole", user: "u", role: "r" },
      { type: "userRevokeRole", user: "u", role: "r" },
      { type: "roleAdd", role: "r" },
      { type: "roleDelete", role: "r" },
      {
        type: "roleGrantPermission",
        role: "r",
        permission: { type: "readWrite", key: "\0", rangeEnd: "\0" },
      },
      { type: "roleRevokePermission", role: "r", key: "a", rangeEnd: "\xff" },
    ],
    ifRevision: 2 ** 40,
  },
  { type: "auth", changes: [], ifRevision: 0 },
  treePut(),
  treePut({ isDirectory: true, ttlSeconds: 0 }),
  treePut({ inOrder: true, key: "/" }),
  treePut({ prevExist: true, refresh: true, ttlSeconds: 7 }),
  treePut({ prevExist: false, prevValue: utf8(""), prevIndex: 2 ** 40 }),
  TREE_DELETE,
  { ...TREE_DELETE, isDirectory: true },
  { ...TREE_DELETE, recursive: true, prevIndex: 7 },
  { ...TREE_DELETE, prevValue: utf8("old") },
  put(),
  put({ key: "\0\xff", lease: -1n, wantsPrevious: true }),
  put({ lease: 2n ** 63n - 1n, ignoreValue: true }),
  put({ ignoreLease: true, value: EVERY_BYTE }),
  { type: "deleteRange", key: "a", rangeEnd: "b", wantsPrevious: true },
  { type: "deleteRange", key: "\0", rangeEnd: "\0", wantsPrevious: false },
  range(),
  range({ limit: 3, revision: 9, sortOrder: "descend", sortTarget: "value", keysOnly: true }),
  range({ countOnly: true, minModRevision: 1, maxModRevision: 2 }),
  range({ minCreateRevision: 3, maxCreateRevision: 2 ** 50 }),
  { type: "txn", compares: [], success: [], failure: [] },
  {
    type: "txn",
    compares: [
      compare({ number: 3 }),
      compare({ number: -3, operator: "greater", target: "create" }),
      compare({ operator: "less", target: "mod", rangeEnd: "\0" }),
      compare({ operator: "notEqual", target: "value", value: EVERY_BYTE }),
      compare({ target: "lease", lease: -(2n ** 63n) }),
    ],
    success: [put(), range(), {
      type: "txn",
      compares: [compare()],
      success: [put()],
      failure: [],
    }],
    failure: [{ type: "deleteRange", key: "a", rangeEnd: "", wantsPrevious: false }],
  },
  { type: "compact", revision: 7, changeIndex: 0, keepEvents: 1000 },
  { type: "compact", revision: 2 ** 40, changeIndex: 2 ** 41, keepEvents: 0 },
  { type: "leaseGrant", id: 2n ** 63n - 1n, ttlSeconds: 9_000_000_000 },
  { type: "leaseRevoke", id: -1n, grantIndex: 0 },
  { type: "leaseRevoke", id: 1n, grantIndex: 99 },
  { type: "alarm", action: "activate", alarm: "noSpace", member: 2n ** 64n - 1n },
  { type: "alarm", action: "deactivate", alarm: "corrupt", member: 1n },
];
