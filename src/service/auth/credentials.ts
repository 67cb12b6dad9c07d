/** What a request brings to say whose it is. */
import { Buffer } from "node:buffer";
import { type ByteString, byteStringAt } from "../../store/byte_string.ts";

/** Who somebody is, and where. */
export type Credentials = Proof & {
  /** The client's address; asked for only when a password is looked at, or it is recorded. */
  readonly address?: () => string;
};

/** Says who asks; asked only when somebody wants to know. */
export type Who = () => Credentials;

/** One of the ways to say it. */
export type Proof =
  /** Nothing, where everybody has to say who they are. */
  | { readonly kind: "nobody" }
  /** Nothing, where the role guest is for those. */
  | { readonly kind: "guest" }
  | { readonly kind: "token"; readonly token: string }
  /** The value of an Authorization header that is no token. */
  | { readonly kind: "basic"; readonly header: string }
  /** The common name of the client's certificate; with `orGuest` one that is no user's makes a guest. */
  | { readonly kind: "certificate"; readonly name: ByteString; readonly orGuest: boolean };

/** Of who says nothing, where that is not enough. */
export const NO_CREDENTIALS: Credentials = { kind: "nobody" };

/** Of who says nothing, where guests are let in. */
export const GUEST_CREDENTIALS: Credentials = { kind: "guest" };

const BEARER = /^bearer +([^ ]+) *$/i;

/** Of the value of an Authorization header: a token behind "Bearer" (RFC 6750), or user and password. */
export function credentialsOfHeader(header: string): Credentials {
  const token = BEARER.exec(header)?.[1];
  return token === undefined ? { kind: "basic", header } : { kind: "token", token };
}

/** Longer headers are nobody's. */
const HEADER_LENGTH_MAX = 8192;

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;

/** Name and password of an Authorization header (RFC 7617 §2); undefined when it has another form. */
export function parseBasic(
  header: string,
): { readonly user: ByteString; readonly password: string } | undefined {
  if (header.length > HEADER_LENGTH_MAX) return undefined;
  const found = BASIC.exec(header);
  if (found === null) return undefined;
  const bytes = Buffer.from(found[1]!, "base64");
  const colon = bytes.indexOf(0x3a);
  if (colon <= 0) return undefined;
  return {
    user: byteStringAt(bytes, 0, colon),
    password: bytes.toString("utf8", colon + 1),
  };
}
