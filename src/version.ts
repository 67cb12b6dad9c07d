/** The product's version, as `/`, `/version` and `-version` show it. */

/** Equal to `version` in `deno.json`, which a test proves. */
export const VERSION = "1.0.0";

/**
 * The version of etcd whose v3 API this is: clients judge by it what they may ask for.
 * Kubernetes asks for progress from 3.5.13 on.
 */
export const COMPATIBLE_VERSION = "3.5.17";

/** That of the cluster, without patches. */
export const COMPATIBLE_CLUSTER_VERSION = "3.5.0";
