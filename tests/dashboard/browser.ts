/**
 * Headless Chromium, driven by playwright-core, which brings none itself. A
 * machine without one is told how to get it, and those tests are left out.
 */
import { type Browser, chromium, type Page } from "playwright-core";
import { PATIENCE_MS, until } from "../cluster/wait.ts";

/** What Debian, Ubuntu, Fedora and Google call it. */
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  // Somebody's name that points here: what DNS rebinding comes to.
  "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP *.invalid ~NOTFOUND",
  "--remote-debugging-port=0",
];

/** The path of a Chromium, or undefined, said once with the line that installs it. */
export function findChromium(): string | undefined {
  const path = Deno.env.get("PATH") ?? "";
  for (const directory of path.split(":")) {
    for (const name of NAMES) {
      const file = `${directory}/${name}`;
      try {
        if (Deno.statSync(file).isFile) return file;
      } catch {
        // Not here.
      }
    }
  }
  console.warn('No Chromium: the dashboard is not tried in a browser. "apt-get install chromium"');
  return undefined;
}

/** A page and what it complained of. */
export interface Visit {
  readonly page: Page;
  /** Errors of the page and of the console, refused by the content policy included. */
  readonly complaints: string[];
  /** Addresses that it asked. */
  readonly asked: Set<string>;
}

export interface VisitOptions {
  readonly width?: number;
  readonly dark?: boolean;
}

/** A running browser with a profile of its own. */
export class TestBrowser implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #said: ReadableStreamDefaultReader<string>;
  readonly #profile: string;
  readonly #browser: Browser;

  private constructor(
    process: Deno.ChildProcess,
    said: ReadableStreamDefaultReader<string>,
    profile: string,
    browser: Browser,
  ) {
    this.#process = process;
    this.#said = said;
    this.#profile = profile;
    this.#browser = browser;
  }

  static async start(path: string): Promise<TestBrowser> {
    const profile = await Deno.makeTempDir({ prefix: "etcd-chromium-" });
    const process = new Deno.Command(path, {
      args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const said = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let log = "";
    for (;;) {
      const [, url] = /DevTools listening on (ws:\S+)/.exec(log) ?? [];
      if (url !== undefined) {
        return new TestBrowser(process, said, profile, await chromium.connectOverCDP(url));
      }
      const { done, value } = await said.read();
      if (done) throw new Error(`Chromium ended before it listened: ${log}`);
      log += value;
    }
  }

  /** Opens `url` in a context of its own, which `body` has until it is over. */
  async visit(
    url: string,
    { width = 1280, dark = false }: VisitOptions,
    body: (visit: Visit) => Promise<void>,
  ): Promise<void> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 800 },
      colorScheme: dark ? "dark" : "light",
      ignoreHTTPSErrors: true,
      isMobile: width < 600,
    });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const complaints: string[] = [];
      const asked = new Set<string>();
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("dialog", (dialog) => complaints.push(`dialog ${dialog.message()}`));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("request", (request) => asked.add(new URL(request.url()).origin));
      await page.goto(url);
      await body({ page, complaints, asked });
    } finally {
      await context.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#said.cancel();
    try {
      this.#process.kill();
    } catch {
      // Gone with its last connection.
    }
    await this.#process.status;
    // Its helpers may outlive it a little, and write.
    await until("the browser's profile to be gone", async () => {
      await Deno.remove(this.#profile, { recursive: true });
      return true;
    });
  }
}
