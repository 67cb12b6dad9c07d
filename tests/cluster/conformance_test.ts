/**
 * The exchanges recorded from the original program, each scenario on a fresh
 * real node of its own: real log, real clock, real sockets. All at once, because
 * one of them waits for a TTL to pass.
 */
import { assertEquals } from "@std/assert";
import { silentLogger } from "../../src/base/logger.ts";
import { parseFlags } from "../../src/config.ts";
import { Server } from "../../src/server.ts";
import { readScenarios, replay } from "../api/conformance.ts";
import type { ReplayTarget, Scenario } from "../api/conformance.ts";
import { Client, fixture } from "./client.ts";
import { freePort } from "./ports.ts";
import { pause, until } from "./wait.ts";

const FILES = ["v1-readme.json", "v1-edge.json"];

for (const secure of [false, true]) {
  const over = secure ? "mTLS" : "HTTP";
  Deno.test(`Server answers over ${over} as the original was recorded`, async () => {
    using client = new Client(secure ? "client" : undefined);
    await Promise.all(
      FILES.flatMap(readScenarios).map((scenario) => play(scenario, secure, client)),
    );
  });
}

async function play(scenario: Scenario, secure: boolean, client: Client): Promise<void> {
  const directory = await Deno.makeTempDir();
  const server = await start(directory, secure);
  try {
    const compared = await replay(targetOf(server, client), scenario.steps);
    const expected = scenario.steps.filter(({ expect }) => expect !== undefined);
    assertEquals(compared, expected.length, scenario.scenario);
  } finally {
    await server.stop(0);
    await Deno.remove(directory, { recursive: true });
  }
}

async function start(directory: string, secure: boolean): Promise<Server> {
  const tls = [
    ...["-clientCert", fixture("server.crt"), "-clientKey", fixture("server.key.insecure")],
    ...["-clientCAFile", fixture("ca.crt")],
  ];
  const addresses = ["-c", String(freePort()), "-s", String(freePort())];
  const flags = ["-d", directory, ...addresses, ...(secure ? tls : [])];
  const invocation = parseFlags(flags, () => undefined);
  if (invocation.kind !== "run") throw new Error(`Expected flags to run by, found "${flags}"`);
  return await Server.start(invocation.config, silentLogger);
}

function targetOf(server: Server, client: Client): ReplayTarget {
  return {
    async ask(method, path, body) {
      const form = typeof body === "object" && !(body instanceof FormData)
        ? new URLSearchParams(body)
        : body;
      const answer = await client.ask(server.clientUrl + path, {
        method,
        ...(form === undefined ? {} : { body: form }),
      });
      return { status: answer.status, text: answer.body };
    },
    pass: pause,
    lostSecondsMax: 3,
    async oneMoreWatch() {
      const before = server.waitingWatches;
      await until("a watch waits", () => server.waitingWatches > before);
    },
  };
}
