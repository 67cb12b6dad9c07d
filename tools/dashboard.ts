/**
 * `deno task dashboard`: bundles the page of `src/dashboard/ui/` into
 * `src/dashboard/bundle.ts`, which is committed, so that a node needs neither
 * npm nor a build to serve it. A test compares the two.
 *
 *     deno task dashboard [--check]
 */
import { parseArgs } from "@std/cli/parse-args";

const ROOT = new URL("../", import.meta.url).pathname;
const UI = `${ROOT}src/dashboard/ui`;
const BUNDLE = `${ROOT}src/dashboard/bundle.ts`;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const { check } = parseArgs(args, { boolean: ["check"] });
  const made = await makeBundle();
  if (!check) {
    await Deno.writeTextFile(BUNDLE, made);
    console.log(`dashboard: Wrote "src/dashboard/bundle.ts", ${made.length} characters`);
    return 0;
  }
  if (made === await Deno.readTextFile(BUNDLE)) return 0;
  console.error('dashboard: "src/dashboard/bundle.ts" is out of date, run "deno task dashboard"');
  return 1;
}

/** The text of the generated module; the same for the same sources. */
export async function makeBundle(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-dashboard-" });
  try {
    await bundle(directory);
    const notices = (await Deno.readTextFile(`${UI}/NOTICES.txt`)).trim();
    const files = new Map([
      ["app.css", await Deno.readTextFile(`${directory}/style.css`)],
      ["app.js", `/*!\n${notices}\n*/\n${await Deno.readTextFile(`${directory}/main.js`)}`],
      ["icon.svg", await Deno.readTextFile(`${UI}/icon.svg`)],
      ["index.html", await Deno.readTextFile(`${UI}/index.html`)],
    ]);
    const lines = [...files].map(async ([name, body]) =>
      `  ${JSON.stringify(name)}: {\n    etag: ${JSON.stringify(await etagOf(body))},\n` +
      `    body: ${JSON.stringify(body)},\n  },\n`
    );
    return `/** Made by \`deno task dashboard\` from \`ui/\`: the page's files. Change those instead. */\n` +
      "export const BUNDLE: Readonly<\n" +
      "  Record<string, { readonly etag: string; readonly body: string }>\n" +
      `> = {\n${(await Promise.all(lines)).join("")}};\n`;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function bundle(directory: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform", "browser", "--minify", "--outdir", directory],
      ...["src/dashboard/ui/main.tsx", "src/dashboard/ui/style.css"],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** A strong validator (RFC 9110 §8.8.3): enough of SHA-256 that two builds never meet. */
async function etagOf(body: string): Promise<string> {
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body)),
  );
  return `"${digest.subarray(0, 10).toHex()}"`;
}
