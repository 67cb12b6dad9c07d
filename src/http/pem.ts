/**
 * PEM files as they are found in the field (RFC 7468): with a byte order mark, with
 * text in front of a block or on its line, with blocks glued by a missing line end,
 * with keys and certificates in one file. What reads them here is given on in the
 * form that the runtime reads: it passes over a block whose BEGIN does not stand at
 * the start of a line, and says nothing.
 */
import { Buffer } from "node:buffer";

/** One block of a file. */
export interface PemBlock {
  /** What stands behind BEGIN, such as `CERTIFICATE` or `EC PRIVATE KEY`. */
  readonly label: string;
  /** By its label, or by the headers of the older form (RFC 1421 §4.6.1.1). */
  readonly isEncrypted: boolean;
  /** The block alone, written as RFC 7468 §3 wants it, with a line end. */
  readonly text: string;
}

/** A block that is cut off or damaged; the message says what was expected and found. */
export class PemError extends Error {
  override readonly name = "PemError";
}

const BOUNDARY = /-----(BEGIN|END) ([A-Z0-9][A-Z0-9 ]*)-----/g;

/** Headers between BEGIN and an empty line, with their continuation lines. */
const HEADERS = /^\s*(?:[A-Za-z0-9-]+:[^\n]*\n(?:[ \t]+[^\n]*\n)*)+/;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The blocks of a text in their order; what stands between them is no part of it. Throws `PemError`. */
export function readPem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let begun: { readonly label: string; readonly from: number } | undefined;
  for (const { 0: boundary, 1: side, 2: label = "", index } of text.matchAll(BOUNDARY)) {
    if (side === "BEGIN") {
      if (begun !== undefined) throw unended(begun.label);
      begun = { label, from: index + boundary.length };
      continue;
    }
    if (begun?.label !== label) {
      throw new PemError(`Expected "-----BEGIN ${label}-----" before its END, found none`);
    }
    blocks.push(readBlock(label, text.slice(begun.from, index)));
    begun = undefined;
  }
  if (begun !== undefined) throw unended(begun.label);
  return blocks;
}

/** A block of these bytes, in lines of 64 characters. */
export function writePem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function readBlock(found: string, body: string): PemBlock {
  // The label of the first OpenSSLs (RFC 7468 §5.3).
  const label = found === "X509 CERTIFICATE" ? "CERTIFICATE" : found;
  if (label === "ENCRYPTED PRIVATE KEY" || /Proc-Type:\s*4\s*,\s*ENCRYPTED/.test(body)) {
    return { label, isEncrypted: true, text: "" };
  }
  const base64 = body.replace(HEADERS, "").replace(/\s+/g, "");
  if (!BASE64.test(base64) || base64.length % 4 !== 0) {
    throw new PemError(`Expected base64 within "-----BEGIN ${found}-----", found something else`);
  }
  return { label, isEncrypted: false, text: writePem(label, Buffer.from(base64, "base64")) };
}

function unended(label: string): PemError {
  return new PemError(`Expected "-----END ${label}-----" behind its BEGIN, found none`);
}
