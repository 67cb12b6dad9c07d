/**
 * The certificates of one port: loaded and proven before it opens, and again
 * when somebody asks. What can't be used never takes the place of what works.
 */
import type { KeyObject } from "node:crypto";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { PortConfig, TlsFiles } from "../config.ts";
import type { TlsMaterial } from "../http/tls_material.ts";
import { loadTls, parseCertificates, TlsError } from "../http/tls_check.ts";
import { dialableHosts, dialWithoutCertificate, UnprovenError } from "../http/tls_proof.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { readFields, serverUseProblem } from "../x509/fields.ts";
import { hostsIn, isForHost } from "../x509/names.ts";
import { loadClientGate } from "./client_gate.ts";
import { fingerprintOf } from "./certificate_watch.ts";
import type { WatchedFiles } from "./certificate_watch.ts";

/** A machine that stood still, as a paused guest does, ends all time-outs at once: that says nothing about a port. */
const PROOF_ATTEMPTS = 3;

/** An open port, which takes new certificates for its next connections. */
export interface TlsTaker {
  /** The address that it really listens on. */
  readonly hostname: string;
  readonly port: number;
  reloadTls?(tls: TlsMaterial): void;
}

const DAY_MS = 86_400_000;
/** Time enough to renew a certificate, also over a weekend. */
const EXPIRY_WARN_MS = 14 * DAY_MS;

export class PortTls implements WatchedFiles {
  readonly paths: readonly string[];
  fingerprint: string;
  readonly #name: string;
  readonly #port: PortConfig;
  readonly #files: TlsFiles;
  readonly #logger: Logger;
  #material: TlsMaterial;
  readonly #takers: TlsTaker[] = [];
  #reloading: Promise<void> = Promise.resolve();
  /** When something was last said of the end of the certificate, and whether it was over. */
  #expiryTold = { atMs: -Infinity, isOver: false };
  /** When the first authority in use ends: the runtime would go on trusting it. */
  #authorityEndMs = Infinity;

  /** Throws `TlsError`. `name` says in messages which port it is. */
  private constructor(name: string, port: PortConfig, files: TlsFiles, logger: Logger) {
    this.#name = name;
    this.#port = port;
    this.#files = files;
    this.#logger = logger;
    const { certFile, keyFile, caFile, crlFile } = files;
    this.paths = [certFile, keyFile, caFile, crlFile].filter((path) => path !== undefined);
    this.fingerprint = fingerprintOf(this.paths);
    this.#material = this.#load(systemClock.wallMs());
  }

  /** Undefined for a plain port. Throws `TlsError`. */
  static load(name: string, port: PortConfig, logger: Logger): PortTls | undefined {
    return port.tls === undefined ? undefined : new PortTls(name, port, port.tls, logger);
  }

  /** In use now. */
  get material(): TlsMaterial {
    return this.#material;
  }

  /** Of a peer port, where members verify each other, unless each has made its own certificate. */
  get peer(): PeerTls {
    const { cert, key, ca, clientProblem: problem } = this.#material;
    if (ca !== undefined) return { cert, key, ca, problem };
    if (this.#files.isOwn) return { cert, key };
    throw new TlsError(
      `Expected -serverCAFile beside -serverCert "${this.#files.certFile}": members verify each other, name the CA that signs their certificates`,
    );
  }

  /** From here on `taker`, too, has what is in use. */
  attach(taker: TlsTaker): void {
    this.#takers.push(taker);
    // It may have changed while the port was being opened.
    taker.reloadTls?.(this.#material);
  }

  /**
   * Says once a day that the certificate ends soon, and that it has ended. Resolves when an authority
   * that has ended is no longer trusted: without another one that can't be, and is said once.
   */
  async lookAtExpiry(nowMs = systemClock.wallMs()): Promise<void> {
    this.#tellExpiry(nowMs);
    if (nowMs <= this.#authorityEndMs) return;
    this.#authorityEndMs = Infinity;
    await this.reload(nowMs);
  }

  #tellExpiry(nowMs: number): void {
    const { certFile } = this.#files;
    const endMs = parseCertificates(this.#material.cert, certFile)[0]!.validToDate.getTime();
    const isOver = nowMs >= endMs;
    const isTold = nowMs - this.#expiryTold.atMs < DAY_MS && this.#expiryTold.isOver === isOver;
    if (endMs - nowMs > EXPIRY_WARN_MS || isTold) return;
    this.#expiryTold = { atMs: nowMs, isOver };
    const fields = {
      port: this.#name,
      file: certFile,
      until: new Date(endMs).toISOString(),
      advice: "put a new one in its place, it is taken up without a restart",
    };
    if (isOver) this.#logger.error("The certificate has expired, others refuse it", fields);
    else this.#logger.warn("The certificate expires soon", fields);
  }

  /** Reads the files again; says what came of it and never rejects. */
  reload(nowMs?: number): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(nowMs)).catch((error) => {
      this.#logger.error("The new certificates can't be used, the old ones stay in use", {
        port: this.#name,
        cause: messageOf(error),
      });
    });
    return this.#reloading;
  }

  async #reload(nowMs = systemClock.wallMs()): Promise<void> {
    const port = this.#name;
    this.fingerprint = fingerprintOf(this.paths);
    const before = this.#material;
    const next = this.#load(nowMs);
    const { cert, key, ca, crl } = before;
    if (next.cert === cert && next.key === key && next.ca === ca && next.crl === crl) {
      this.#logger.info("The certificates are the same as before", { port });
      return;
    }
    try {
      this.#use(next);
      await this.prove();
    } catch (error) {
      // Of a machine that stood still nothing is known, and the files have been checked.
      if (!(error instanceof UnprovenError)) {
        this.#use(before);
        throw error;
      }
      this.#logger.warn("Could not test the new certificates", { port, cause: error.message });
    }
    this.#logger.info("New certificates are in use, connections go on", { port });
  }

  #use(material: TlsMaterial): void {
    this.#material = material;
    for (const taker of this.#takers) taker.reloadTls?.(material);
  }

  #load(nowMs: number): TlsMaterial {
    const { material, warnings } = loadTls(this.#files, nowMs);
    for (const cause of [...warnings, ...this.#useProblems(material)]) {
      this.#logger.warn("A certificate is not as it should be", { port: this.#name, cause });
    }
    const { minVersion, maxVersion, namesUsers } = this.#files;
    const gate = loadClientGate(this.#files);
    this.#authorityEndMs = endOf(material.ca, this.#files);
    return { ...material, minVersion, maxVersion, namesUsers, ...gate };
  }

  /** Who dials the advertised address looks for its host in the certificate, and for the use of a server. */
  #useProblems({ cert }: TlsMaterial): string[] {
    const { certFile } = this.#files;
    const { host } = this.#port.advertised;
    const fields = readFields(parseCertificates(cert, certFile)[0]!.raw);
    const problems = [serverUseProblem(fields, certFile) ?? []].flat();
    if (isForHost(fields, host)) return problems;
    const names = hostsIn(fields).join(", ") || "no host";
    return [
      ...problems,
      `"${certFile}" is for ${names}, and not for "${host}", where others dial: they will refuse it`,
    ];
  }

  /**
   * Dials each open port as a stranger: a handshake has to work under the certificate of now,
   * and under mutual TLS nobody without one may be let in. Rejects with `TlsError`, or
   * with `UnprovenError` when the port can't be reached.
   */
  async prove(): Promise<void> {
    // A stranger sees nothing of a port that speaks TLS 1.2 alone and wants his certificate.
    if (this.#files.maxVersion === "TLSv1.2") return;
    for (const taker of this.#takers) await this.#prove(taker);
  }

  async #prove({ hostname, port }: TlsTaker): Promise<void> {
    const { listen } = this.#port;
    const named = this.#takers.length === 1 ? dialableHosts(listen.host) : [];
    const { certFile } = this.#files;
    const { cert, ca } = this.#material;
    const leaf = parseCertificates(cert, certFile)[0]!;
    const { verdict, shown } = await dialWithoutCertificate({
      hosts: [...new Set([...dialableHosts(hostname), ...named])],
      port,
      timeoutMs: LIMITS.http.handshakeTimeoutMs,
      attempts: PROOF_ATTEMPTS,
    }).catch((error) => {
      if (!(error instanceof TlsError)) throw error;
      throw new TlsError(
        `${error.message}; the key of "${certFile}" is of the kind ${kindOf(leaf.publicKey)}, ` +
          'which the runtime may not know: make another with "etcd certs init"',
      );
    });
    if (!leaf.raw.equals(shown)) {
      throw new TlsError(`Port ${port} shows another certificate than "${certFile}"`);
    }
    if (ca === undefined || verdict === "refused") return;
    throw new TlsError(
      `Port ${port} let a client in that showed no certificate: do not use this build`,
    );
  }
}

/** When the first of the authorities in `ca` ends. */
function endOf(ca: string | undefined, { caFile = "" }: TlsFiles): number {
  if (ca === undefined) return Infinity;
  return Math.min(...parseCertificates(ca, caFile).map((one) => one.validToDate.getTime()));
}

function kindOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const curve = asymmetricKeyDetails?.namedCurve;
  return `"${asymmetricKeyType}"${curve === undefined ? "" : ` (${curve})`}`;
}
