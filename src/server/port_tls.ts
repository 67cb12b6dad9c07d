/**
 * The certificates of one port: loaded and proven before it opens, and again
 * when somebody asks. What can't be used never takes the place of what works.
 */
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { PortConfig, TlsFiles } from "../config.ts";
import type { TlsMaterial } from "../http/endpoint.ts";
import { dialWithoutCertificate, loadTls, TlsError } from "../http/tls_check.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { fingerprintOf } from "./certificate_watch.ts";
import type { WatchedFiles } from "./certificate_watch.ts";

/** A machine that stood still, as a paused guest does, ends all time-outs at once: that says nothing about a port. */
const PROOF_ATTEMPTS = 3;

/** What takes new certificates for its next connections. */
export interface TlsTaker {
  reloadTls?(tls: TlsMaterial): void;
}

export class PortTls implements WatchedFiles {
  readonly paths: readonly string[];
  fingerprint: string;
  readonly #name: string;
  readonly #port: PortConfig;
  readonly #files: TlsFiles;
  readonly #logger: Logger;
  #material: TlsMaterial;
  #taker: TlsTaker | undefined;

  /** Throws `TlsError`. `name` says in messages which port it is. */
  private constructor(name: string, port: PortConfig, files: TlsFiles, logger: Logger) {
    this.#name = name;
    this.#port = port;
    this.#files = files;
    this.#logger = logger;
    const { certFile, keyFile, caFile } = files;
    this.paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
    this.fingerprint = fingerprintOf(this.paths);
    this.#material = loadTls(files, systemClock.wallMs());
  }

  /** Undefined for a plain port. Throws `TlsError`. */
  static load(name: string, port: PortConfig, logger: Logger): PortTls | undefined {
    return port.tls === undefined ? undefined : new PortTls(name, port, port.tls, logger);
  }

  /** In use now. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** Of a peer port, where members verify each other: TLS there is mutual or not at all. */
  get mutual(): PeerTls {
    const { cert, key, ca } = this.#material;
    if (ca !== undefined) return { cert, key, ca };
    throw new TlsError(
      `Expected -serverCAFile beside -serverCert "${this.#files.certFile}": members verify each other, name the CA that signs their certificates`,
    );
  }

  /** From here on `taker` has what is in use. */
  attach(taker: TlsTaker): void {
    this.#taker = taker;
    // It may have changed while the port was being opened.
    taker.reloadTls?.(this.#material);
  }

  /** Reads the files again; says what came of it and never throws. */
  reload(): void {
    const port = this.#name;
    this.fingerprint = fingerprintOf(this.paths);
    try {
      const next = loadTls(this.#files, systemClock.wallMs());
      const { cert, key, ca } = this.#material;
      if (next.cert === cert && next.key === key && next.ca === ca) {
        this.#logger.info("The certificates are the same as before", { port });
        return;
      }
      this.#taker?.reloadTls?.(next);
      this.#material = next;
      this.#logger.info("New certificates are in use, connections go on", { port });
    } catch (error) {
      this.#logger.error("The new certificates can't be used, the old ones stay in use", {
        port,
        cause: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Dials a mutual-TLS port as a stranger: it must not be let in. Rejects with `TlsError`. */
  async prove(): Promise<void> {
    if (this.#material.ca === undefined) return;
    const { host, port } = this.#port.listen;
    const verdict = await dialWithoutCertificate(
      dialable(host),
      port,
      LIMITS.handshakeTimeoutMs,
      PROOF_ATTEMPTS,
    );
    if (verdict === "refused") return;
    throw new TlsError(
      `Port ${port} let a client in that showed no certificate: do not use this build`,
    );
  }
}

/** An unspecified address is dialled by loopback. */
function dialable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
