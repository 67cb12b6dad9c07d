/**
 * With which permissions a node runs, however it is started: `deno task start`,
 * the local cluster, the executable. `tests/tidy_test.ts` proves that
 * `deno.json` says the same.
 */

/**
 * The data directory and the certificates are where the user says, so reading
 * and writing are not narrowed. Nothing may be run, loaded or asked for.
 */
export const PERMISSION_FLAGS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-sys=statfs",
  "--allow-env=ETCD_*,ETCDCTL_*,NO_COLOR,NOTIFY_SOCKET,WATCHDOG_USEC," +
  // Commands take these out of their own environment.
  "http_proxy,https_proxy,all_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,ALL_PROXY,NO_PROXY",
];

/** Language and platform switches that `deno.json` sets where it is read; `net` is for the datagrams to systemd. */
export const UNSTABLE_FLAGS: readonly string[] = ["--unstable-no-legacy-abort", "--unstable-net"];
