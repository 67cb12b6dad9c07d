/** Tells the operator why clients don't get in: to them it often looks like a time-out. */
import type { Socket } from "node:net";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { RepeatFilter } from "../base/repeat_filter.ts";
import { isOwnDial } from "./tls_proof.ts";

/** What the runtime says of a handshake, by a part of it, and what that means. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/sent no certificates/, "the client showed no certificate, and this port demands one"],
  // All that the runtime says of a certificate that does not verify.
  [
    /socket hang up/,
    "the client went away, or its certificate is not valid now or not of an authority of this port",
  ],
  [
    /fatal alert: (UnknownCA|BadCertificate|CertificateExpired|CertificateUnknown|UnsupportedCertificate)/,
    "the client does not accept the certificate of this port",
  ],
  [/InvalidContentType|wrong version number/, "the client speaks no TLS"],
];

/** After a failed handshake only the connection below still knows who called. */
type Secured = Socket & { readonly _parent?: Socket };

/** Each cause is a warning once a minute. */
export class HandshakeRefusals {
  readonly #logger: Logger;
  readonly #repeats = new RepeatFilter(systemClock);

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** A handshake has failed with `error`. */
  tell(error: Error, secured: Secured): void {
    const socket = secured._parent ?? secured;
    if (isOwnDial(socket)) return;
    const known = CAUSES.find(([pattern]) => pattern.test(error.message))?.[1];
    const level = this.#repeats.isNews(known ?? error.message) ? "warn" : "debug";
    this.#logger[level]("TLS handshake refused", {
      caller: socket.remoteAddress ?? "",
      cause: known === undefined ? error.message : `${known} (${error.message})`,
    });
  }
}
