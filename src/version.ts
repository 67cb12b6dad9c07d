/** The product's version, as `/`, `/version` and `-version` show it. */

/** Equal to `version` in `deno.json`, which a test proves. */
export const VERSION = "1.0.0";
