/**
 * With which permissions and switches a node runs, however it is started: `deno task
 * start`, the local cluster, the executable. `tests/tidy_test.ts` proves that
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

/**
 * The collector of the old generation counts buffers outside of the heap, too: the log's
 * and the history's, which come and go by tens of megabytes a second under load. In a
 * heap that is small otherwise it would run twice a second, for 25 ms each time on as many
 * cores as there are, and a save that meets it waits for a core. So it leaves the
 * first 192 MiB alone.
 */
export const ENGINE_FLAGS: readonly string[] = ["--v8-flags=--initial-old-space-size=192"];

/** All flags of `deno run` and `deno compile`. */
export const RUN_FLAGS: readonly string[] = [
  ...PERMISSION_FLAGS,
  ...UNSTABLE_FLAGS,
  ...ENGINE_FLAGS,
];
