/**
 * `--discovery`: the members of a new cluster register in a directory of somebody's v2 API,
 * as etcd's do. Its `_config/size` says how many there are to be; the first that many keys
 * are they, each with `NAME=URL` for a value, and whoever comes later is turned away. A node
 * that starts again before its cluster is formed finds its own key: it is made from its URLs.
 */
import { createHash } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type Config, LIMITS } from "../config.ts";
import { clusterOf } from "../config/cluster.ts";
import type { InitialCluster } from "../config/model.ts";
import { sleepUntil } from "./entrance.ts";

/** Whoever was asked does not name the members of a cluster, or not this node; the message says why. */
export class DiscoveryError extends Error {
  override readonly name = "DiscoveryError";
}

/** The service does not answer now, and may later. */
class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}

/** As far as it matters here (etcd's v2 API). */
interface Reply {
  readonly errorCode?: number;
  readonly message?: string;
  readonly node?: {
    readonly value?: string;
    readonly nodes?: readonly Registered[];
  };
}

interface Registered {
  readonly key: string;
  readonly value: string;
  readonly createdIndex: number;
}

const KEY_NOT_FOUND = 100;
const KEY_EXISTS = 105;

/**
 * Registers this node at `url` and waits until all have; what they come to, undefined when it is
 * the only one. Rejects with `DiscoveryError` or `UsageError`, and with the reason of `signal`.
 */
export async function register(
  { name, peer }: Config,
  url: string,
  logger: Logger,
  signal?: AbortSignal,
): Promise<InitialCluster | undefined> {
  const own = {
    key: createHash("sha256").update(`${url} ${peer.urls.join()}`).digest("hex").slice(0, 16),
    value: peer.urls.map((url) => `${name}=${url}`).join(),
  };
  let said = "";
  for (;;) {
    let cause: string;
    try {
      const size = await sizeAt(url, signal);
      const found = await membersAt(url, own, size, signal);
      if (found.length === size) return formed(found);
      cause = `${found.length} of ${size} are there`;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof UnavailableError)) throw error;
      cause = error.message;
    }
    if (cause !== said) logger.info("Waiting for the members at --discovery", { url, cause });
    said = cause;
    await sleepUntil(LIMITS.member.registrationLookMs, signal);
  }

  function formed(found: readonly Registered[]): InitialCluster | undefined {
    const list = found.map(({ value }) => value).join();
    logger.info("All members are registered at --discovery", { url, members: list });
    const labels = { label: "--discovery", advertiseLabel: "--initial-advertise-peer-urls" };
    const cluster = clusterOf(list, { name, peer, state: "new", token: url, ...labels });
    if ((cluster?.members.length ?? 1) === found.length) return cluster;
    throw new DiscoveryError(
      `Two of the members at "${url}" have one name, "${list}": give each its own --name, and a new URL`,
    );
  }
}

async function sizeAt(url: string, signal: AbortSignal | undefined): Promise<number> {
  const { errorCode, message, node } = await ask(`${url}/_config/size`, {}, signal);
  const size = Number(node?.value);
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new DiscoveryError(
    errorCode === KEY_NOT_FOUND
      ? `Nobody has said at "${url}/_config/size" how many members there are to be`
      : `Expected the number of members at "${url}/_config/size", found "${
        node?.value ?? message
      }"`,
  );
}

/** Those that are registered, `own` among them. Rejects with `DiscoveryError` when there is no room for it. */
async function membersAt(
  url: string,
  own: Pick<Registered, "key" | "value">,
  size: number,
  signal: AbortSignal | undefined,
): Promise<readonly Registered[]> {
  const isOwn = ({ key }: Registered) => key.endsWith(`/${own.key}`);
  const look = async () => {
    const { node } = await ask(url, {}, signal);
    return (node?.nodes ?? []).filter(({ key }) => !key.endsWith("/_config"))
      .sort((a, b) => a.createdIndex - b.createdIndex).slice(0, size);
  };
  const before = await look();
  const known = before.find(isOwn);
  if (known !== undefined && known.value !== own.value) {
    throw new DiscoveryError(
      `At "${url}" this node's URLs are registered as "${known.value}", and this is "${own.value}"`,
    );
  }
  if (known !== undefined) return before;
  if (before.length < size) {
    const body = new URLSearchParams({ value: own.value });
    const created = `${url}/${own.key}?prevExist=false`;
    const { errorCode, message } = await ask(created, { method: "PUT", body }, signal);
    if (errorCode !== undefined && errorCode !== KEY_EXISTS) {
      throw new DiscoveryError(`Could not register at "${url}": ${message}`);
    }
    const after = await look();
    if (after.some(isOwn)) return after;
  }
  throw new DiscoveryError(
    `All ${size} members at "${url}" are registered already, and this node is none of them: run ` +
      '"etcdctl member add" and start it with --initial-cluster, or take a new URL for a new cluster',
  );
}

/** Rejects with `UnavailableError` when the service does not answer as one of v2 does. */
async function ask(
  url: string,
  request: RequestInit,
  signal: AbortSignal | undefined,
): Promise<Reply> {
  const late = AbortSignal.timeout(LIMITS.member.registrationTimeoutMs);
  try {
    const signals = signal === undefined ? [late] : [late, signal];
    const response = await fetch(url, { ...request, signal: AbortSignal.any(signals) });
    const text = await response.text();
    if (response.status < 500) return Object(JSON.parse(text)) as Reply;
    throw new Error(`it answered ${response.status}`);
  } catch (error) {
    // "fetch failed" says nothing; its cause says why.
    throw new UnavailableError(
      messageOf(error instanceof TypeError ? error.cause ?? error : error),
    );
  }
}
