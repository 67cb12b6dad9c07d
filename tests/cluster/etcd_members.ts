/** Members that etcd's flags start, in the test's process. */
import type { LogRecord } from "../../src/base/logger.ts";
import type { Logger } from "../../src/base/logger.ts";
import type { Names } from "../../src/member/names.ts";
import { Server } from "../../src/server.ts";
import { askAt, configOf } from "../shell/flag_node.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

/** One of the members that the flags name. */
interface Place {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly directory: string;
}

interface Listed {
  readonly ID: string;
  readonly name?: string;
  readonly peerURLs?: readonly string[];
  readonly clientURLs?: readonly string[];
}

interface MemberAnswer {
  readonly members?: readonly Listed[];
}

export class EtcdMembers implements AsyncDisposable {
  readonly #root = Deno.makeTempDirSync();
  #places: readonly Place[];
  /** What tells them of each other; undefined for a list of all. */
  #told: readonly string[] | undefined;
  /** The DNS; undefined for the machine's. */
  #names: Names | undefined;
  readonly #servers = new Map<string, Server>();
  readonly #starting = new Map<string, { readonly end: AbortController; over: Promise<void> }>();
  /** What each has said, warnings and more. */
  readonly log = new Map<string, string[]>();

  constructor(...names: readonly string[]) {
    this.#places = names.map((name) => ({
      name,
      peerUrl: `http://127.0.0.1:${freePort()}`,
      clientUrl: `http://127.0.0.1:${freePort()}`,
      directory: `${this.#root}/${name}`,
    }));
  }

  /** Those whose peers are dialled by TLS. */
  static secured(...names: readonly string[]): EtcdMembers {
    return new EtcdMembers(...names).secure();
  }

  /** Has their peers dialled by TLS. */
  secure(): this {
    this.#places = this.#places.map(({ peerUrl, ...place }) => ({
      ...place,
      peerUrl: peerUrl.replace("http:", "https:"),
    }));
    return this;
  }

  /** Those that find each other by these flags. */
  static told(flags: readonly string[], ...names: readonly string[]): EtcdMembers {
    const members = new EtcdMembers(...names);
    members.#told = flags;
    return members;
  }

  /** Has them ask another DNS than the machine's. */
  ask(names: Names): void {
    this.#names = names;
  }

  place(name: string): Place {
    return this.#places.find((place) => place.name === name)!;
  }

  /** Starts the member; resolves when it serves, rejects with why it does not. */
  async start(name: string, ...flags: readonly string[]): Promise<void> {
    const { peerUrl, clientUrl, directory } = this.place(name);
    const config = configOf([
      ...["--name", name, "--data-dir", directory],
      ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...this.#told ?? [
        "--initial-cluster",
        this.#places.map((place) => `${place.name}=${place.peerUrl}`).join(),
      ],
      ...["--heartbeat-interval", "50", "--election-timeout", "500", ...flags],
    ]);
    const end = new AbortController();
    const starting = Server.start(config, this.#logger(name), end.signal, this.#names);
    const over = starting.then((server) => {
      this.#servers.set(name, server);
    }, () => {});
    this.#starting.set(name, { end, over });
    try {
      await starting;
      await over;
    } finally {
      this.#starting.delete(name);
    }
  }

  /** Ends a member, also one that still starts. */
  async stop(name: string): Promise<void> {
    const starting = this.#starting.get(name);
    starting?.end.abort(new Error("The test ends it"));
    await starting?.over;
    await this.#servers.get(name)?.stop(0);
    this.#servers.delete(name);
  }

  /** Ends a member and takes its data away. */
  async wipe(name: string): Promise<void> {
    await this.stop(name);
    await Deno.remove(this.place(name).directory, { recursive: true });
  }

  /** Does at `asked` what "etcdctl member remove" and "member add" do for a dead `name`. */
  async replace(name: string, asked: string): Promise<void> {
    const { members } = await this.#member(asked, "list", {});
    const dead = members!.find((member) => member.name === name);
    await this.#member(asked, "remove", { ID: dead!.ID });
    await this.reserve(name, asked, dead!.peerURLs);
  }

  /** Does at `asked` what "etcdctl member add" does for `name`. */
  async reserve(
    name: string,
    asked: string,
    peerURLs: readonly string[] = [this.place(name).peerUrl],
  ): Promise<void> {
    await this.#member(asked, "add", { peerURLs });
  }

  /** Does what "etcdctl member update" does for `name`, which runs. */
  async update(name: string, peerUrl: string): Promise<void> {
    const { ID } = await this.recordOf(name);
    await this.#member(name, "update", { ID, peerURLs: [peerUrl] });
  }

  /** What `name` knows of itself. */
  async recordOf(name: string): Promise<Listed> {
    const { members } = await this.#member(name, "list", {});
    return members!.find((member) => member.name === name)!;
  }

  /** Asks until it is done: a change may have to wait for the one before. */
  #member(asked: string, what: string, message: object): Promise<MemberAnswer> {
    const url = `${this.place(asked).clientUrl}/v3/cluster/member/${what}`;
    return until(`member ${what}`, async () => {
      const { status, text } = await askAt(url, { method: "POST", body: JSON.stringify(message) });
      return status === 200 && JSON.parse(text) as MemberAnswer;
    });
  }

  async set(name: string, key: string, value: string): Promise<number> {
    const body = new URLSearchParams({ value });
    const url = `${this.place(name).clientUrl}/v2/keys/${key}`;
    return (await askAt(url, { method: "PUT", body })).status;
  }

  async get(name: string, key: string): Promise<string | undefined> {
    const { text } = await askAt(
      `${this.place(name).clientUrl}/v2/keys/${key}?quorum=true`,
    );
    return text === "" ? undefined : JSON.parse(text).node?.value;
  }

  /** The cluster that a member is of, by its peer port. */
  async clusterOf(name: string): Promise<number | undefined> {
    const { text } = await askAt(`${this.place(name).peerUrl}/peer/join`);
    return text === "" ? undefined : JSON.parse(text).clusterId;
  }

  /** Waits until `name` knows so many members that serve clients. */
  async knows(name: string, count: number): Promise<void> {
    await until(`${count} members at ${name}`, async () => {
      const { text } = await askAt(`${this.place(name).clientUrl}/machines`);
      return text.split(",").filter((url) => url.trim() !== "").length === count;
    });
  }

  /** Waits until `name` has said one of these. */
  async said(name: string, ...texts: readonly string[]): Promise<void> {
    await until(
      `"${texts.join('" or "')}" of ${name}`,
      () => this.log.get(name)?.some((line) => texts.some((text) => line.includes(text))),
    );
  }

  #logger(name: string): Logger {
    const lines: string[] = [];
    this.log.set(name, lines);
    const say = (message: string, fields: LogRecord["fields"] = {}) => {
      lines.push(`${message} ${JSON.stringify(fields)}`);
    };
    return { error: say, warn: say, info: say, debug: () => {}, trace: () => {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#places.map(({ name }) => this.stop(name)));
    await Deno.remove(this.#root, { recursive: true });
  }
}
