/** The domain name system, as far as a node asks it who its peers are. */
import { lookup } from "node:dns/promises";

/** Where a service is (RFC 2782). */
export interface Target {
  /** Without a final dot, lower case. */
  readonly host: string;
  readonly port: number;
}

export interface Names {
  /** Empty when there is no such service, and when a name server knows nothing of it. Rejects when none answers. */
  targetsOf(service: string): Promise<readonly Target[]>;
  /** IP addresses of a host; rejects when it has none. */
  addressesOf(host: string): Promise<readonly string[]>;
}

/** As the machine has it: its name servers, or that of a test, and its file of hosts. */
export function systemNames(nameServer?: Deno.ResolveDnsOptions["nameServer"]): Names {
  return {
    targetsOf: async (service) => {
      try {
        const options = nameServer === undefined ? {} : { nameServer };
        const records = await Deno.resolveDns(service, "SRV", options);
        return records.map(({ target, port }) => ({
          host: target.replace(/\.$/, "").toLowerCase(),
          port,
        })).filter(({ host }) => host !== "");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    },
    addressesOf: async (host) => {
      const found = await lookup(host, { all: true });
      return found.map(({ address }) => address);
    },
  };
}
