/** How clients, good and bad, reach the port that is measured. */
import { fixture } from "../cluster/client.ts";

/** The port, and whether it asks for certificates. */
export interface Target {
  readonly port: number;
  readonly tls: boolean;
}

export type Connection = Deno.TcpConn | Deno.TlsConn;

const HOSTNAME = "127.0.0.1";

const read = (name: string) => Deno.readTextFileSync(fixture(name));
const CREDENTIALS = {
  caCerts: [read("ca.crt")],
  cert: read("client.crt"),
  key: read("client.key.insecure"),
};

/** A connection that may ask: under TLS it has shown its certificate. */
export async function dial(
  { port, tls }: Target,
  alpnProtocols: string[] = ["http/1.1"],
): Promise<Connection> {
  if (!tls) return await Deno.connect({ hostname: HOSTNAME, port });
  const options = { hostname: HOSTNAME, port, alpnProtocols, ...CREDENTIALS };
  const connection = await Deno.connectTls(options);
  try {
    await connection.handshake();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** A connection on which nobody has said anything: under TLS not even hello. */
export function dialMute({ port }: Target): Promise<Connection> {
  return Deno.connect({ hostname: HOSTNAME, port });
}
