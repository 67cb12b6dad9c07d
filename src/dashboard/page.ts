/**
 * The page and its files, out of the executable. Everything comes from this
 * node: the policy forbids any other source, inline script and style, frames
 * and forms, so that no value of a key can become more than text.
 */
import type { Exchange, Reply } from "../http/exchange.ts";
import type { Route, RouteHandler } from "../http/router.ts";
import { BUNDLE } from "./bundle.ts";

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // Asked for again each time, and sent again only after an upgrade.
  "cache-control": "no-cache",
  "vary": "accept",
} as const;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** `/dashboard` and its files; and `/` for browsers, where everybody else gets what `root` answers. */
export function pageRoutes(root: RouteHandler): Route[] {
  const page = serveFile("index.html");
  const files = Object.keys(BUNDLE).filter((name) => name !== "index.html").map((name) => ({
    path: `/dashboard/${name}`,
    methods: { GET: serveFile(name) },
  }));
  return [
    {
      path: "/",
      methods: {
        GET: (exchange, rest, query) => (wantsPage(exchange) ? page : root)(exchange, rest, query),
      },
    },
    { path: "/dashboard", methods: { GET: page } },
    ...files,
  ];
}

/** Browsers ask for `text/html` first; curl takes anything. */
function wantsPage(exchange: Exchange): boolean {
  return exchange.header("accept")?.includes("text/html") === true;
}

function serveFile(name: string): RouteHandler {
  const { etag, body } = BUNDLE[name]!;
  const headers = { ...HEADERS, etag };
  const contentType = CONTENT_TYPES[name.split(".").at(-1)!]!;
  const whole: Reply = { status: 200, contentType, headers, body };
  const unchanged: Reply = { status: 304, contentType, headers, body: "" };
  return (exchange) => exchange.header("if-none-match") === etag ? unchanged : whole;
}
