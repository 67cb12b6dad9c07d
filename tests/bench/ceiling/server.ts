/**
 * What this platform takes for a request, and nothing of ours: a server that tells
 * requests from each other, syncs writes together with those of all who came meanwhile,
 * on a majority of members, and answers the same to everybody. It takes the flags of etcd
 * that a benchmark gives, and is started and loaded as the systems are that it is the
 * ceiling of.
 *
 * No store, no log that could be read, no elections: the first member leads.
 */
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { parseArgs } from "@std/cli/parse-args";
import { Requests } from "./answers.ts";
import { Batches, follower, obey } from "./batches.ts";
import { serveHttp1 } from "./http1.ts";
import { serveHttp2 } from "./http2.ts";
import { Log } from "./log.ts";

/** As many as the node lets wait: 10,000 watches come at once. */
const BACKLOG = 4096;

const flags = parseArgs(Deno.args, {
  string: [
    ...["name", "data-dir", "initial-cluster", "listen-client-urls", "listen-peer-urls"],
    ...["cert-file", "key-file", "trusted-ca-file"],
  ],
});
const peers = (flags["initial-cluster"] ?? "").split(",").map((each) => each.split("="))
  .filter(([name]) => name !== flags.name)
  .map(([, url]) => new URL(url!));

const log = new Log(flags["data-dir"]!);
const peerUrl = new URL(flags["listen-peer-urls"]!);
createServer((leader) => obey(leader, log)).listen(Number(peerUrl.port), peerUrl.hostname);
const requests = flags.name === "m1"
  ? new Requests(new Batches(log, await Promise.all(peers.map(follower))))
  : undefined;

const clientUrl = new URL(flags["listen-client-urls"]!);
const port = clientUrl.protocol === "https:"
  ? createTlsServer({
    cert: Deno.readTextFileSync(flags["cert-file"]!),
    key: Deno.readTextFileSync(flags["key-file"]!),
    ca: Deno.readTextFileSync(flags["trusted-ca-file"]!),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ["h2", "http/1.1"],
  }, (client: TLSSocket) => serve(client, client.alpnProtocol === "h2"))
  : createServer((client) => serve(client, false));
port.listen({ port: Number(clientUrl.port), host: clientUrl.hostname, backlog: BACKLOG });

function serve(client: Socket, isHttp2: boolean): void {
  client.setNoDelay(true);
  client.on("error", () => {});
  if (isHttp2 && requests !== undefined) serveHttp2(client, requests);
  else serveHttp1(client, requests);
}
