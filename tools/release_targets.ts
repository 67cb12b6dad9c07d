/** For which machines a release is made, and from what. */

export interface ReleaseTarget {
  /** As `deno compile --target` takes it. */
  readonly triple: string;
  /** In the names of the files: `etcd-VERSION-LABEL`. */
  readonly label: string;
  /** The npm package that holds the `deno` of this platform. */
  readonly package: string;
  /** The runtime's path in that package. */
  readonly runtime: string;
  readonly isWindows: boolean;
}

/** In the order in which they are made. */
export const RELEASE_TARGETS: readonly ReleaseTarget[] = [
  posix("x86_64-unknown-linux-gnu", "x86_64-linux", "@deno/linux-x64-glibc"),
  posix("aarch64-unknown-linux-gnu", "aarch64-linux", "@deno/linux-arm64-glibc"),
  posix("x86_64-apple-darwin", "x86_64-darwin", "@deno/darwin-x64"),
  posix("aarch64-apple-darwin", "aarch64-darwin", "@deno/darwin-arm64"),
  {
    triple: "x86_64-pc-windows-msvc",
    label: "x86_64-windows",
    package: "@deno/win32-x64",
    runtime: "package/deno.exe",
    isWindows: true,
  },
];

function posix(triple: string, label: string, npm: string): ReleaseTarget {
  return { triple, label, package: npm, runtime: "package/deno", isWindows: false };
}

/** The line of `sha256sum` for a file. */
export async function checksumLine(path: string, name: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${digest.toHex()}  ${name}\n`;
}

/**
 * `etcd.cmd`: starts the program with the runtime beside it. The arguments are
 * those of `etcd`; `%~dp0` is the directory of the script itself.
 */
export function windowsLauncher(flags: readonly string[]): string {
  const quoted = flags.map((flag) => `"${flag}"`).join(" ");
  return [
    "@echo off",
    "setlocal",
    "set DENO_NO_UPDATE_CHECK=1",
    `"%~dp0deno.exe" run --quiet --no-config --no-lock --no-remote --no-npm ${quoted} "%~dp0main.js" %*`,
    "exit /b %ERRORLEVEL%",
    "",
  ].join("\r\n");
}
