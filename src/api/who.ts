/**
 * Who asks, where HTTP's own ways to say it count: Basic, Bearer with a token, the name in
 * a certificate, and nothing, which makes a guest.
 */
import type { Exchange } from "../http/exchange.ts";
import {
  type Credentials,
  credentialsOfHeader,
  GUEST_CREDENTIALS,
  NO_CREDENTIALS,
  type Who,
} from "../service/auth/credentials.ts";
import type { AuthProblem } from "../service/auth/gate.ts";
import { byteStringOf } from "../store/byte_string.ts";

/** Reads it off a request when somebody wants to know. */
export function whoAsks(exchange: Exchange): Who {
  return () => ({ ...credentialsOf(exchange), address: () => exchange.clientAddress });
}

/** The same where there are no guests. */
export function whoMustSay(exchange: Exchange): Who {
  const who = whoAsks(exchange);
  return () => {
    const credentials = who();
    if (credentials.kind === "guest") return { ...credentials, ...NO_CREDENTIALS };
    return credentials.kind === "certificate" ? { ...credentials, orGuest: false } : credentials;
  };
}

function credentialsOf(exchange: Exchange): Credentials {
  const header = exchange.header("authorization");
  // To etcd an empty header says as much as none.
  if (header) return credentialsOfHeader(header);
  const name = exchange.clientCertificate?.commonName;
  return name === undefined || name === ""
    ? GUEST_CREDENTIALS
    : { kind: "certificate", name: byteStringOf(name), orGuest: true };
}

/** Why somebody is turned away, in words for people. */
export function problemText(problem: AuthProblem): string {
  switch (problem) {
    case "userNameEmpty":
      return "Expected a user and a password, found none";
    case "invalidToken":
      return "Expected a token that is still good, found another; log in again";
    case "authenticationFailed":
      return "Expected a user and that user's password, found another one";
    case "tooManyLogins":
      return "Too many logins have failed, try again later";
    case "permissionDenied":
      return "Expected a user who may do this, found one who may not";
  }
}
