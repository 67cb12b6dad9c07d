/** The content of `fixtures/etcd/written.snap`: a little of everything that a snapshot may hold. */
import type { EtcdRevision, EtcdSnapshotSource } from "../../src/bolt/etcd_content.ts";
import { bytesOf } from "./harness.ts";

const LEASE = 0x7fff_ffff_0000_0001n;

function put(
  main: number,
  sub: number,
  key: string,
  value: Uint8Array,
  rest: { createRevision?: number; version?: number; lease?: bigint } = {},
): EtcdRevision {
  const { createRevision = main, version = 1, lease = 0n } = rest;
  return { main, sub, key: bytesOf(key), put: { createRevision, version, value, lease } };
}

function deleted(main: number, sub: number, key: string): EtcdRevision {
  return { main, sub, key: bytesOf(key), put: undefined };
}

/** The compaction at 150 left the newest revision of each key. */
const REVISIONS: readonly EtcdRevision[] = [
  ...Array.from({ length: 120 }, (_, i) => put(i + 2, 0, `/items/${i}`, bytesOf("x".repeat(i)))),
  put(140, 0, "/old", bytesOf("third"), { createRevision: 130, version: 3 }),
  put(151, 0, "/old", bytesOf("fourth"), { createRevision: 130, version: 4 }),
  deleted(152, 0, "/old"),
  put(153, 0, "/old", bytesOf("new")),
  put(154, 0, "/txn/a", bytesOf("1")),
  put(154, 1, "/txn/b", bytesOf("2"), { lease: LEASE }),
  deleted(154, 2, "/items/7"),
  put(155, 0, "/large", new Uint8Array(10_000).fill(0x4c)),
  put(156, 0, "/empty", new Uint8Array(0)),
  put(157, 0, "/binary", Uint8Array.of(0, 0xff, 0x80)),
];

export const GOLDEN: EtcdSnapshotSource = {
  facts: {
    consistentIndex: 4711,
    term: 7,
    compactRevision: 150,
    isAuthEnabled: false,
    authRevision: 5,
    clusterVersion: "3.4.0",
  },
  revisions: () => REVISIONS,
  leases: [
    { id: LEASE, ttlSeconds: 86_400, remainingSeconds: 0 },
    { id: 12n, ttlSeconds: 60, remainingSeconds: 31 },
  ],
  users: [{
    name: "root",
    passwordHash: bytesOf("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"),
    roles: ["root"],
    hasNoPassword: false,
  }, {
    name: "certificate",
    passwordHash: new Uint8Array(0),
    roles: ["items", "root"],
    hasNoPassword: true,
  }],
  roles: [
    { name: "root", permissions: [] },
    {
      name: "items",
      permissions: [
        { type: "read", key: bytesOf("/items/"), rangeEnd: bytesOf("/items0") },
        { type: "write", key: bytesOf("/own"), rangeEnd: new Uint8Array(0) },
        { type: "readwrite", key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) },
      ],
    },
  ],
  members: [{
    id: 0x8e9e_05c5_2164_694dn,
    name: "first",
    peerUrls: ["http://127.0.0.1:2380"],
    clientUrls: ["http://127.0.0.1:2379", "https://first.example:2379"],
    isLearner: false,
  }, {
    id: 0xffff_ffff_ffff_fffen,
    name: "",
    peerUrls: ["http://127.0.0.1:2480"],
    clientUrls: [],
    isLearner: true,
  }],
};
