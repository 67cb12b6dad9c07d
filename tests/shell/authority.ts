/** An authority of a test's own, and clients that show what it has issued. */
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { connect } from "node:tls";
import type { TlsFiles } from "../../src/config.ts";
import { issueCertificate, keyIdentifierOf, toPem } from "../../src/x509/certificate.ts";
import { bitString, element, integer, objectIdentifier, TAG, time } from "../../src/x509/der.ts";
import { readFields } from "../../src/x509/fields.ts";
import { parseAlternativeName } from "../../src/x509/names.ts";
import { OID } from "../../src/x509/oid.ts";
import { readIssuance } from "../../src/x509/revocations.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** An authority, what it issued and what it revoked, as files. */
export class Authority implements Disposable {
  readonly directory = Deno.makeTempDirSync();
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  readonly #name: Uint8Array;

  constructor(commonName = "authority", validForMs = DAY_MS) {
    const der = issueCertificate({
      organization: "etcd",
      commonName,
      publicKey: this.#keys.publicKey,
      ...this.#validity(validForMs),
      purpose: { kind: "authority" },
    }, { ...this.#issuer(), name: undefined });
    this.#name = readFields(der).subject;
    this.#write("ca.crt", toPem(der));
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** Makes NAME.crt and NAME.key; the certificate in DER. */
  issue(name: string, ...hosts: readonly string[]): Uint8Array {
    return this.#issue(name, hosts, this.#validity());
  }

  /** The same for an authority of its own, below this one. */
  issueAuthority(name: string): Uint8Array {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const der = issueCertificate({
      ...{ organization: "etcd", commonName: name, publicKey, ...this.#validity() },
      purpose: { kind: "authority" },
    }, this.#issuer());
    this.#write(`${name}.crt`, toPem(der));
    return der;
  }

  /** The same with a certificate whose time was over an hour ago. */
  issueExpired(name: string, ...hosts: readonly string[]): Uint8Array {
    const validToMs = Date.now() - HOUR_MS;
    return this.#issue(name, hosts, { validFromMs: validToMs - HOUR_MS, validToMs });
  }

  #issue(
    name: string,
    hosts: readonly string[],
    validity: { readonly validFromMs: number; readonly validToMs: number },
  ): Uint8Array {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const der = issueCertificate({
      organization: "etcd",
      commonName: name,
      publicKey,
      ...validity,
      purpose: {
        kind: "endEntity",
        usages: ["serverAuth", "clientAuth"],
        // What is no name of a host is written as one all the same.
        names: hosts.map((text) => parseAlternativeName(text) ?? { kind: "dns", text }),
      },
    }, this.#issuer());
    this.#write(`${name}.crt`, toPem(der));
    this.#write(`${name}.key`, `${privateKey.export({ type: "pkcs8", format: "pem" })}`);
    return der;
  }

  /** Writes a list of these certificates, perhaps signed by another key. */
  revoke(file: string, certificates: readonly Uint8Array[], key = this.#keys.privateKey): void {
    const sequence = (...items: readonly Uint8Array[]) => element(TAG.sequence, ...items);
    const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
    const now = Date.now();
    const entries = certificates.map((der) =>
      sequence(integer(Uint8Array.fromHex(readIssuance(der).serial)), time(now))
    );
    const signed = sequence(
      ...[integer(new Uint8Array([1])), algorithm, this.#name, time(now), time(now + DAY_MS)],
      ...(entries.length === 0 ? [] : [sequence(...entries)]),
    );
    const list = sequence(signed, algorithm, bitString(sign("sha256", signed, key)));
    this.#write(file, toPem(list, "X509 CRL"));
  }

  files(changed: Partial<TlsFiles>): TlsFiles {
    return {
      certFile: this.path("server.crt"),
      keyFile: this.path("server.key"),
      caFile: this.path("ca.crt"),
      crlFile: undefined,
      allowedNames: undefined,
      namesUsers: true,
      isOwn: false,
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
      ...changed,
    };
  }

  #issuer() {
    return {
      name: this.#name,
      keyIdentifier: keyIdentifierOf(this.#keys.publicKey),
      privateKey: createPrivateKey(this.#keys.privateKey.export({ type: "pkcs8", format: "pem" })),
    };
  }

  #validity(forMs = DAY_MS) {
    return { validFromMs: Date.now() - DAY_MS, validToMs: Date.now() + forMs };
  }

  #write(name: string, text: string): void {
    Deno.writeTextFileSync(this.path(name), text);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** What a client with NAME's certificate is told at a port; "" when it is cut off. */
export function greet(authority: Authority, port: number, name: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({
      host: "127.0.0.1",
      port,
      ca: Deno.readTextFileSync(authority.path("ca.crt")),
      cert: Deno.readTextFileSync(authority.path(`${name}.crt`)),
      key: Deno.readTextFileSync(authority.path(`${name}.key`)),
    }, () => socket.write("GET /version HTTP/1.0\r\nHost: a\r\n\r\n"));
    socket.on("data", (bytes) => text += `${bytes}`);
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}
