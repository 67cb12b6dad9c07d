/** Makes what stands for a login, as the settings have it. */
import type { TokenConfig } from "../config/model.ts";
import { JWT_METHODS, JwtKeyError, JwtTokens } from "../service/auth/jwt.ts";
import { SimpleTokens } from "../service/auth/simple_tokens.ts";
import type { TokenScheme } from "../service/auth/tokens.ts";

/** Reads the key files that are named. Throws `JwtKeyError` and what reading files throws. */
export function makeTokenScheme(config: TokenConfig, clusterId: number): TokenScheme {
  if (config.kind === "simple") return new SimpleTokens(config.ttlMs, clusterId);
  const method = JWT_METHODS.find((known) => known === config.method);
  if (method === undefined) {
    throw new JwtKeyError(`Expected a known method, found "${config.method}"`);
  }
  const { publicKeyFile, privateKeyFile, ttlMs } = config;
  return new JwtTokens({
    method,
    publicKey: publicKeyFile === undefined ? undefined : Deno.readFileSync(publicKeyFile),
    privateKey: privateKeyFile === undefined ? undefined : Deno.readFileSync(privateKeyFile),
    ttlMs,
  });
}
