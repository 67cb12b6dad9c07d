/** What `deno task cluster` starts: options to the command line of each node. Starts nothing. */
import { parseArgs } from "@std/cli/parse-args";

export interface ClusterOptions {
  /** How many nodes. */
  readonly size: number;
  readonly tls: boolean;
  /** Ports of the first node; the others follow. */
  readonly clientPort: number;
  readonly peerPort: number;
  /** For gRPC in plain text, of the first node; under TLS the client ports serve it. */
  readonly grpcPort: number;
  readonly directory: string;
}

export interface NodePlan {
  readonly name: string;
  readonly dataDirectory: string;
  readonly clientUrl: string;
  /** Where gRPC is served. */
  readonly grpcAddress: string;
  /** As `/leader` gives it. */
  readonly peerUrl: string;
  /** The node's flags. */
  readonly flags: readonly string[];
}

/** The most members that a cluster may have. */
const SIZE_MAX = 9;

/** Peers of etcd have the next port, so those of members are not neighbours. */
const GRPC_PORT_STEP = 10;

/** Certificates for trying and testing, whose keys are public. */
export const FIXTURES = new URL("../fixtures/ca/", import.meta.url).pathname;

/** What `-h` prints. */
export const CLUSTER_HELP = `A cluster of local nodes to try things on, with one merged log

Usage: deno task cluster [flags]

  -n N       members, 1 to ${SIZE_MAX} (default: 3)
  -tls       mutual TLS on all ports, with the certificates of fixtures/ca
  -c PORT    client port of the first member, the others follow (default: 4001)
  -s PORT    peer port of the first member, the others follow (default: 7001)
  -g PORT    gRPC port of the first member, the others have the tenth after it each (default:
             2379); with -tls the client ports serve gRPC
  -d DIR     data of all members (default: nodes, with -tls nodes/tls)
  -h         print this help

Ctrl-C stops them in order; the same command again goes on with their data.
`;

/** Throws an error for the user when the arguments cannot be followed. */
export function parseClusterOptions(args: readonly string[]): ClusterOptions | "help" {
  const parsed = parseArgs(
    // To parseArgs "-tls" is three flags of one letter. What follows a task may come after "--".
    args.filter((arg) => arg !== "--").map((arg) => arg.replace(/^-(?=[a-z])/, "--")),
    {
      string: ["n", "c", "s", "g", "d"],
      boolean: ["tls", "h", "help"],
      unknown: (arg) => {
        throw new Error(`Unexpected argument "${arg}", expected -n, -tls, -c, -s, -g, -d or -h`);
      },
    },
  );
  if (parsed.h || parsed.help) return "help";
  const size = parseNumber("-n", parsed.n ?? "3", SIZE_MAX);
  const portMax = 65_536 - size;
  return {
    size,
    tls: parsed.tls,
    clientPort: parseNumber("-c", parsed.c ?? "4001", portMax),
    peerPort: parseNumber("-s", parsed.s ?? "7001", portMax),
    grpcPort: parseNumber("-g", parsed.g ?? "2379", 65_536 - size * GRPC_PORT_STEP),
    // Other URLs, other cluster: the two kinds do not share their data.
    directory: parsed.d ?? (parsed.tls ? "nodes/tls" : "nodes"),
  };
}

function parseNumber(flag: string, text: string, max: number): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw new Error(`${flag} expects a number from 1 to ${max}, found "${text}"`);
}

/**
 * The nodes of a cluster. With `founded` false the first of them starts the
 * cluster; else each knows its own or joins through the others.
 */
export function planNodes(options: ClusterOptions, founded: boolean): NodePlan[] {
  const indexes = Array.from({ length: options.size }, (_, index) => index);
  const peerAddress = (index: number) => `127.0.0.1:${options.peerPort + index}`;
  const scheme = options.tls ? "https" : "http";
  return indexes.map((index) => {
    const name = `node${index + 1}`;
    const clientAddress = `127.0.0.1:${options.clientPort + index}`;
    const grpcAddress = options.tls
      ? clientAddress
      : `127.0.0.1:${options.grpcPort + index * GRPC_PORT_STEP}`;
    const others = indexes.filter((other) => other !== index).map(peerAddress).join(",");
    const joins = others !== "" && (founded || index > 0);
    const dataDirectory = `${options.directory}/${name}`;
    return {
      name,
      dataDirectory,
      clientUrl: `${scheme}://${clientAddress}`,
      grpcAddress,
      peerUrl: `${scheme}://${peerAddress(index)}`,
      flags: [
        ...["-n", name, "-d", dataDirectory, "-c", clientAddress, "-s", peerAddress(index)],
        ...(options.tls ? [] : ["-grpc", grpcAddress]),
        // All start at once, so the first attempts may come too early.
        ...(joins ? ["-C", others, "-r", "20"] : []),
        ...(options.tls ? tlsFlags(index) : []),
      ],
    };
  });
}

function tlsFlags(index: number): string[] {
  const pair = `${FIXTURES}server${["", "2", "3"][index % 3]}`;
  return ["client", "server"].flatMap((port) => [
    `-${port}Cert=${pair}.crt`,
    `-${port}Key=${pair}.key.insecure`,
    `-${port}CAFile=${FIXTURES}ca.crt`,
  ]);
}

/** Lines to try on a running cluster, ready to paste. */
export function linesToTry(nodes: readonly NodePlan[], tls: boolean): string {
  const certificates = tls
    ? ` --cacert ${FIXTURES}ca.crt --cert ${FIXTURES}client.crt --key ${FIXTURES}client.key.insecure`
    : "";
  const endpoints = nodes.map(({ grpcAddress }) => grpcAddress).join(",");
  const url = (index: number) => nodes[index % nodes.length]?.clientUrl;
  return [
    `curl${certificates} ${url(0)}/v1/keys/message -d value="Hello world"`,
    `curl${certificates} ${url(1)}/v1/keys/message`,
    `curl${certificates} ${url(2)}/v1/watch/message   # waits for the next change`,
    `curl${certificates} ${url(1)}/v1/machines`,
    `ETCDCTL_API=3 etcdctl${certificates} --endpoints ${endpoints} put foo bar`,
  ].map((line) => `  ${line}\n`).join("");
}
