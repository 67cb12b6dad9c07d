/**
 * gRPC that comes to a port that can't serve it: one of `Deno.serve`, which takes
 * HTTP/2 and sends no trailers. An answer without a message needs none.
 */
import type { Reply } from "../../../http/exchange.ts";
import type { Route } from "../../../http/router.ts";
import { SERVICES } from "../methods.ts";
import { encodeStatusMessage, StatusCode } from "../status.ts";

/** Routes that tell clients where gRPC is served: at the address `servedAt`, or nowhere. */
export function misdirectedRoutes(servedAt: string | undefined): Route[] {
  const text = servedAt === undefined
    ? "gRPC is not served by this node: start it with -grpc ADDRESS"
    : `gRPC is not served on this port: it is at ${servedAt}`;
  const reply: Reply = {
    status: 200,
    contentType: "application/grpc",
    headers: {
      "grpc-status": `${StatusCode.unimplemented}`,
      "grpc-message": encodeStatusMessage(text),
    },
    body: "",
  };
  return [...SERVICES].map((service) => ({
    path: `/${service}`,
    subtree: true,
    methods: { POST: () => reply },
  }));
}
