/** What a node says to systemd, heard on a socket of the test's own. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import { ServiceManager } from "../../src/server/service_manager.ts";
import { NodeProcess } from "../cluster/node_process.ts";
import { freePort } from "../cluster/ports.ts";

/** The other end of `NOTIFY_SOCKET`, in a directory of its own. */
class Listener implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly path = `${this.directory}/notify`;
  /** The socket of who said the last. */
  heardFrom = "";
  readonly #socket = Deno.listenDatagram({ transport: "unixpacket", path: this.path });

  async hear(): Promise<string> {
    const [bytes, from] = await this.#socket.receive();
    this.heardFrom = (from as Deno.UnixAddr).path;
    return new TextDecoder().decode(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function environment(values: Record<string, string>): (name: string) => string | undefined {
  return (name) => values[name];
}

Deno.test("node() tells systemd that it serves and that it stops", async () => {
  await using listener = new Listener();
  const [client, peer] = [freePort(), freePort()];
  const node = NodeProcess.spawn(
    ["-d", `${listener.directory}/data`, "-c", `${client}`, "-s", `${peer}`],
    { environment: { NOTIFY_SOCKET: listener.path, WATCHDOG_USEC: "300000" } },
  );
  assertEquals(
    await listener.hear(),
    `READY=1\nSTATUS=Serving clients on http://127.0.0.1:${client}`,
  );
  const response = await fetch(`http://127.0.0.1:${client}/v1/leader`);
  assertEquals(await response.text(), `http://127.0.0.1:${peer}`);
  assertEquals(await listener.hear(), "WATCHDOG=1");
  node.signal("SIGTERM");
  let said = "";
  do said = await listener.hear(); while (said === "WATCHDOG=1");
  assertStringIncludes(said, "STOPPING=1");
  assertEquals((await node.ended).code, 0);
});

Deno.test("node() outlives a SIGHUP when it has no certificates to reload", async () => {
  const directory = await Deno.makeTempDir();
  const ports = ["-c", `${freePort()}`, "-s", `${freePort()}`];
  const node = NodeProcess.spawn(["-d", directory, ...ports]);
  await node.says(/ Serving /);
  node.signal("SIGHUP");
  await node.says(/There are no certificates to read again/);
  node.signal("SIGTERM");
  assertEquals((await node.ended).code, 0);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("ServiceManager.connect() gives nothing when nobody asks to be told", () => {
  assertEquals(ServiceManager.connect(environment({}), silentLogger), undefined);
  assertEquals(ServiceManager.connect(environment({ NOTIFY_SOCKET: "" }), silentLogger), undefined);
});

Deno.test("ServiceManager.ready() says so in the log when its socket is not there", async () => {
  const said: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, fields) => said.push(`${message}: ${fields?.cause}`),
  };
  const path = "/nonexistent/notify";
  const manager = ServiceManager.connect(environment({ NOTIFY_SOCKET: path }), logger)!;
  manager.ready("Serving");
  await manager.close();
  assertEquals(said.length, 1);
  assertMatch(said[0]!, /^The service manager can't be told, .*: .+/);
});

Deno.test("ServiceManager.ready() reaches a socket with an abstract name", async () => {
  if (Deno.build.os !== "linux") return;
  const name = `etcd-test-${crypto.randomUUID()}`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: `\0${name}` });
  const manager = ServiceManager.connect(environment({ NOTIFY_SOCKET: `@${name}` }), silentLogger)!;
  manager.ready("Serving");
  const [bytes] = await socket.receive();
  assertEquals(new TextDecoder().decode(bytes), "READY=1\nSTATUS=Serving");
  await manager.close();
  socket.close();
});

Deno.test("ServiceManager.close() is no failure when its directory has been cleaned up meanwhile", async () => {
  await using listener = new Listener();
  const asked = environment({ NOTIFY_SOCKET: listener.path });
  const manager = ServiceManager.connect(asked, silentLogger)!;
  manager.ready("Serving");
  await listener.hear();
  await Deno.remove(listener.heardFrom.replace(/\/socket$/, ""), { recursive: true });
  await manager.close();
});
