/** Writes as v3 makes them, on a node that does not speak it. */
import type { ByteString } from "../../src/store/byte_string.ts";
import type { Command, ValueBytes } from "../../src/store/command/command.ts";
import type { TestNode } from "../api/harness.ts";

const FLAGS = { wantsPrevious: false, ignoreValue: false, ignoreLease: false };

function write({ service }: TestNode, command: Command): Promise<void> {
  return new Promise((resolve, reject) => {
    service.write(command, false, (answer) => {
      if (answer.ok) resolve();
      else reject(new Error(`Expected a write, found ${answer.reason}`));
    });
  });
}

export function put(
  node: TestNode,
  key: ByteString,
  value: ValueBytes,
  lease = 0n,
): Promise<void> {
  return write(node, { type: "put", key, value, lease, ...FLAGS });
}

/** Puts all of `keys` in one transaction: one entry of the log. */
export function putTogether(node: TestNode, keys: readonly ByteString[]): Promise<void> {
  const success = keys.map((key) =>
    ({ type: "put", key, value: "x", lease: 0n, ...FLAGS }) as const
  );
  return write(node, { type: "txn", compares: [], success, failure: [] });
}

export function remove(node: TestNode, key: ByteString): Promise<void> {
  return write(node, { type: "deleteRange", key, rangeEnd: "", wantsPrevious: false });
}

export function grant(node: TestNode, id: bigint): Promise<void> {
  return write(node, { type: "leaseGrant", id, ttlSeconds: 600 });
}
