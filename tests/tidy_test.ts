/**
 * The house rules, kept by a test so that nobody has to remember them: which
 * way imports point, what is pure, how large things are, what the style leaves
 * out. The reasons are in `src/DESIGN.md` and `docs/dependencies.md`.
 */
import { assert, assertEquals } from "@std/assert";
import { parseFlags } from "../src/config.ts";
import { FLAGS } from "../src/config/flags.ts";
import { VERSION } from "../src/version.ts";
import { ENGINE_FLAGS, PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../tools/node_flags.ts";
import { parseSource, readSources, ROOT, type Source } from "./tidy/source.ts";

const FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;

/** What every API may import. */
const API = [
  ...["base", "http", "service", "store", "version", "type raft", "raft/configuration_json"],
  "type node/ports",
];

/** What stands beside the APIs. */
const API_SHARED = ["api/fault_form", "api/peer_urls", "api/who", "type api/reading"];

/**
 * What each room may import besides itself: a room, a file of it, or either
 * with `type ` before it when only types may be taken.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  version: [],
  config: ["base", "version"],
  raft: ["base"],
  founding: ["base", "raft/quorum", "type raft"],
  store: ["base", "type node/ports"],
  node: ["base", "raft"],
  storage: ["base", "raft", "type founding", "type node/ports"],
  http: ["base"],
  x509: [],
  bolt: ["base"],
  transport: ["base", "raft", "http", "x509", "node/ports"],
  service: ["base", "store", "type raft", "type node/ports"],
  api: [...API, "api/admin", "api/peer", "api/v1", "api/v2", "api/v3"],
  // No version knows another one: what they share is the service's, or stands beside them.
  "api/admin": [...API, ...API_SHARED],
  "api/peer": [...API, ...API_SHARED, "founding/types"],
  "api/v1": [...API, ...API_SHARED],
  "api/v2": [...API, ...API_SHARED],
  "api/v3": [...API, ...API_SHARED, "bolt"],
  dashboard: ["base", "http", "service", "store", "version", "type raft", "type node/ports"],
  member: [
    ...["base", "version", "config", "raft", "store", "node", "service", "storage", "transport"],
    ...["api/peer/join", "api/peer/founding", "bolt", "founding"],
  ],
  operations: [
    ...["base", "version", "config", "http", "api", "dashboard", "member", "storage", "transport"],
    ...["x509", "node/ports", "type node", "type service", "type raft"],
  ],
  server: [
    ...["base", "version", "config", "raft", "store", "node", "service", "member", "operations"],
    ...["storage", "http", "transport", "api", "dashboard"],
  ],
  cli: [
    ...["base", "version", "config", "raft", "store", "storage", "x509", "bolt"],
    ...["http/pem", "http/tls_check", "http/tls_proof", "member/recovery", "member/etcd_snapshot"],
  ],
  main: ["base", "config", "server", "cli"],
};

/** The rooms that are functions of their input alone. */
const PURE_ROOMS = ["raft", "store", "founding"];

/** What a pure room may not reach for: I/O, clocks, randomness, timers, the environment. */
const IMPURE =
  /^(Deno|process|performance|crypto|fetch|console|navigator|globalThis|(set|clear)(Timeout|Interval|Immediate)|queueMicrotask|Date\.now|Math\.random)\b/;

const product = readSources("main.ts", "src");
const tools = readSources("tools");
const tests = readSources("tests");

/** `src/raft/log.ts` is of the room `raft`, `src/server.ts` of `server`, `src/api/v1/keys.ts` of `api/v1`. */
function roomOf(path: string): string {
  const names = namesOf(path);
  return names.findLast((name) => MAY_IMPORT[name] !== undefined) ?? names[0]!;
}

/** What a file is called in the table, from its outermost room to itself. */
function namesOf(path: string): string[] {
  const parts = path.replace(/^src\//, "").replace(/\.tsx?$/, "").split("/");
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

/** The file that `specifier` names, from the root; undefined for a package. */
function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function forbiddenImports(source: Source): string[] {
  const room = roomOf(source.path);
  const allowed = MAY_IMPORT[room] ?? [];
  return source.imports.flatMap(({ specifier, typeOnly, line }) => {
    const target = resolveImport(source.path, specifier);
    if (target === undefined || roomOf(target) === room) return [];
    const isAllowed = namesOf(target).some((name) =>
      allowed.includes(name) || typeOnly && allowed.includes(`type ${name}`)
    );
    return isAllowed ? [] : [`${source.path}:${line} imports ${specifier}`];
  });
}

/** The files that import themselves by way of others, and those between such circles. */
function circling(sources: readonly Source[]): string[] {
  const imports = sources.map(({ path, imports }) => ({
    path,
    targets: imports.map(({ specifier }) => resolveImport(path, specifier)),
  }));
  const left = new Map(imports.map((file) => [file.path, file.targets]));
  for (let size = 0; size !== left.size;) {
    size = left.size;
    const imported = new Set([...left.values()].flat());
    for (const [path, targets] of left) {
      const goesOn = targets.some((target) => target !== undefined && left.has(target));
      if (!goesOn || !imported.has(path)) left.delete(path);
    }
  }
  return [...left.keys()];
}

function impurities(source: Source): string[] {
  return [
    ...source.names.filter(({ name }) => IMPURE.test(name)),
    ...source.imports.filter(({ specifier }) => !/^(\.|node:buffer$)/.test(specifier))
      .map(({ specifier, line }) => ({ name: specifier, line })),
    ...source.constructs.filter(({ what }) => what === "new Date()")
      .map(({ what, line }) => ({ name: what, line })),
  ].map(({ name, line }) => `${source.path}:${line} uses ${name}`);
}

function matching(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : []
    )
  );
}

Deno.test("imports point down only", () => {
  assertEquals(product.flatMap(forbiddenImports), []);
});

Deno.test("no file imports itself by way of others, types included", () => {
  assertEquals(circling([...product, ...tools]), []);
});

Deno.test("every room has its row in the table of imports", () => {
  const rooms = new Set(product.map(({ path }) => namesOf(path)[0]!));
  assertEquals([...rooms].filter((room) => MAY_IMPORT[room] === undefined), []);
});

/** What each file needs to be loaded: its imports that are left after compilation. */
const needs = new Map(product.map(({ path, imports }) => [
  path,
  imports.filter(({ typeOnly, lazy }) => !typeOnly && !lazy)
    .flatMap(({ specifier }) => resolveImport(path, specifier) ?? []),
]));

/** A way from `path` back to itself, if there is one. */
function circleAt(path: string): string[] | undefined {
  const seen = new Set<string>();
  const walk = (at: string, way: readonly string[]): string[] | undefined => {
    for (const next of needs.get(at) ?? []) {
      if (next === path) return [...way, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = walk(next, [...way, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(path, [path]);
}

Deno.test("no file needs itself, not even by way of others", () => {
  assertEquals([...needs.keys()].flatMap((path) => circleAt(path)?.join(" -> ") ?? []), []);
});

/** By file, what others take from it; "all" when somebody takes the whole of it. */
function takenNames(): ReadonlyMap<string, ReadonlySet<string> | "all"> {
  const taken = new Map<string, Set<string> | "all">();
  for (const { path, imports } of [...product, ...tools, ...tests]) {
    for (const { specifier, names } of imports) {
      const target = resolveImport(path, specifier);
      if (target === undefined) continue;
      const before = taken.get(target);
      if (names === undefined) taken.set(target, "all");
      else if (before !== "all") taken.set(target, new Set([...before ?? [], ...names]));
    }
  }
  return taken;
}

/** Where a program begins: nobody imports it. */
const ENTRIES = ["main.ts", "src/dashboard/ui/main.tsx"];

Deno.test("what is exported is taken by somebody", () => {
  const taken = takenNames();
  const left = product.filter(({ path }) => !ENTRIES.includes(path)).flatMap((source) => {
    const names = taken.get(source.path);
    if (names === "all") return [];
    // A type may be exported for the sake of what is exported with it.
    const isNamed = (name: string) =>
      source.lines.filter((line) => new RegExp(`\\b${name}\\b`).test(line)).length > 1;
    return source.exports
      .filter(({ name, kind }) => !names?.has(name) && !(kind === "type" && isNamed(name)))
      .map(({ name, line }) => `${source.path}:${line} ${name}`);
  });
  assertEquals(left, []);
});

Deno.test("no file is left that nobody imports", () => {
  const taken = takenNames();
  const left = product.map(({ path }) => path)
    .filter((path) => !taken.has(path) && !ENTRIES.includes(path));
  assertEquals(left, []);
});

/** Siblings that never meet may call what they have by one name. */
const SIBLINGS = /^src\/(api\/v\d|http\/h\d)\//;

/** Classes of one name that stay: each pair, and why. */
const NAMESAKES: Readonly<Record<string, string>> = {
  CommandError: "a command of the shell, and one of the log",
  WireReader: "protobuf in etcd's files, and in its messages",
  WireWriter: "protobuf in etcd's files, and in its messages",
};

Deno.test("a class name has one meaning", () => {
  const places = new Map<string, string[]>();
  for (const { path, exports } of product) {
    for (const { name, kind } of exports) {
      if (kind !== "class" || SIBLINGS.test(path)) continue;
      places.set(name, [...places.get(name) ?? [], path]);
    }
  }
  const shared = [...places].filter(([name, paths]) => paths.length > 1 && !(name in NAMESAKES));
  assertEquals(shared.map(([name, paths]) => `${name}: ${paths.join(", ")}`), []);
});

Deno.test("what an error says is asked for in one way", () => {
  const own = product.filter(({ path }) =>
    path !== "src/base/errors.ts" && !path.startsWith("src/dashboard/ui/")
  );
  assertEquals(matching(own, /instanceof Error \? (\w+)\.message : (String\()?\1/), []);
});

Deno.test("the program imports nothing from tests and tools", () => {
  const strays = product.flatMap(({ path, imports }) =>
    imports.map(({ specifier }) => resolveImport(path, specifier) ?? "")
      .filter((target) => target !== "" && !/^(src\/|main\.ts$)/.test(target))
      .map((target) => `${path} imports ${target}`)
  );
  assertEquals(strays, []);
});

/** Packages that code of some place may import beside the four JSR ones and `node:` built-ins. */
const PACKAGES: readonly (readonly [place: string, packages: RegExp])[] = [
  ["src/dashboard/ui/", /^(preact(\/hooks)?|@preact\/signals|uplot)$/],
  ["tests/dashboard/", /^playwright-core$/],
  ["tools/yaml_entry.ts", /^yaml$/],
];

Deno.test("only the packages that docs/dependencies.md gives reasons for are imported", () => {
  const foreign = [...product, ...tools, ...tests].flatMap(({ path, imports }) =>
    imports.map(({ specifier }) => specifier)
      .filter((specifier) => !/^(\.|node:|@std\/(assert|cli|fs|http)\b)/.test(specifier))
      .filter((specifier) =>
        !PACKAGES.some(([place, packages]) => path.startsWith(place) && packages.test(specifier))
      )
      .map((specifier) => `${path} imports ${specifier}`)
  );
  assertEquals(foreign, []);
});

Deno.test("the page of the dashboard stands alone", () => {
  const isPage = (path: string) => path.startsWith("src/dashboard/ui/");
  const crossings = product.flatMap(({ path, imports }) =>
    imports.filter(({ specifier, typeOnly }) => {
      const target = resolveImport(path, specifier);
      if (target === undefined) return isPage(path) && specifier.startsWith("node:");
      // The page knows the node by the types of its answers only.
      return isPage(path) !== isPage(target) &&
        !(isPage(path) && typeOnly && target === "src/dashboard/view.ts");
    }).map(({ specifier }) => `${path} imports ${specifier}`)
  );
  assertEquals(crossings, []);
});

Deno.test("consensus and state machine are pure", () => {
  const pure = product.filter(({ path }) => PURE_ROOMS.includes(roomOf(path)));
  assert(pure.length > 0);
  assertEquals(pure.flatMap(impurities), []);
});

Deno.test("a file says one thing in at most 600 lines", () => {
  const large = [...product, ...tools].filter(({ lines }) => lines.length > FILE_LINES_MAX);
  assertEquals(large.map(({ path, lines }) => `${path}: ${lines.length} lines`), []);
});

Deno.test("a function fits a screen", () => {
  const large = [...product, ...tools].flatMap(({ path, functions }) =>
    functions.filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(({ line, lines }) => `${path}:${line} has ${lines} lines`)
  );
  assertEquals(large, []);
});

Deno.test("nothing stands that the style leaves out", () => {
  const found = [...product, ...tools, ...tests].flatMap(({ path, constructs }) =>
    constructs.filter(({ what }) => what !== "new Date()")
      // A test's stand-in may take after what it stands in for.
      .filter(({ what }) => what !== "inheritance" || !path.startsWith("tests/"))
      .map(({ what, line }) => `${path}:${line} ${what}`)
  );
  assertEquals(found, []);
});

Deno.test("a file opens with its purpose and exports are documented", () => {
  const silent = [
    ...[...product, ...tools].filter(({ lines }) => !lines[0]?.startsWith("/**"))
      .map(({ path }) => `${path} opens without a doc comment`),
    ...product.flatMap(({ path, undocumented }) =>
      undocumented.map((line) => `${path}:${line} exports without a doc comment`)
    ),
  ];
  assertEquals(silent, []);
});

Deno.test("files have snake_case names", () => {
  const paths = [...product, ...tools, ...tests].map(({ path }) => path);
  assertEquals(paths.filter((path) => !/^([a-z0-9_]+\/)*[a-z0-9_]+\.tsx?$/.test(path)), []);
});

Deno.test("no work is left for later and no test is switched off", () => {
  const everything = [...product, ...tools, ...tests];
  // Classes of one letter keep the patterns from finding themselves.
  assertEquals(matching(everything, /TOD[O]|FIXM[E]|XX[X]|HAC[K]/), []);
  assertEquals(
    matching(everything, /@ts-(ignor[e]|nochec[k]|expect-erro[r])|deno-lint-ignor[e]/),
    [],
  );
  assertEquals(matching(tests, /Deno\.test\.(ignore|only)|\b(ignore|only): *true/), []);
});

Deno.test("deno.json agrees with the program", async () => {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  assertEquals(config.version, VERSION);
  assertEquals(config.unstable.map((name: string) => `--unstable-${name}`), UNSTABLE_FLAGS);
  const words = (task: string) => config.tasks[task].replaceAll("'", "").split(" ");
  const etcd = ["deno", "run", ...PERMISSION_FLAGS, ...ENGINE_FLAGS, "main.ts"];
  assertEquals([words("etcd"), words("start")], [etcd, [...etcd, "-d", "data"]]);
});

Deno.test("README.md names every flag and its variable", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const settings: readonly { readonly name: string; readonly env?: string }[] = FLAGS;
  const missing = settings.filter(({ name, env }) =>
    !readme.includes(`\`-${name}`) || (env !== undefined && !readme.includes(env))
  );
  assertEquals(missing.map(({ name }) => name), []);
  const help = parseFlags(["-h"], () => undefined);
  assert(help.kind === "help");
});

Deno.test("the rules find what they are there for", () => {
  const planted = parseSource(
    "src/raft/planted.ts",
    [
      'import { a } from "../store/tree.ts";',
      'import type { P } from "../node/ports.ts";',
      'import "node:fs";',
      "export const x: any = Date.now() + performance.now();",
      "/** Documented. */",
      "export class Y extends Base {}",
      "enum Z { A }",
      "const { performance: renamed } = a; const d = new Date(); a.performance;",
      "export default x;",
    ].join("\n"),
  );
  assertEquals(forbiddenImports(planted), [
    "src/raft/planted.ts:1 imports ../store/tree.ts",
    "src/raft/planted.ts:2 imports ../node/ports.ts",
  ]);
  assertEquals(impurities(planted).map((line) => line.split(" uses ")[1]).toSorted(), [
    "Date.now",
    "new Date()",
    "node:fs",
    "performance",
    "performance.now",
  ]);
  const crossing = parseSource("src/api/v2/planted.ts", 'import { a } from "../v1/error.ts";');
  assertEquals(forbiddenImports(crossing), ["src/api/v2/planted.ts:1 imports ../v1/error.ts"]);
  const circle = ["b", "c", "a"].map((next, i) =>
    parseSource(`src/raft/${"abc"[i]}.ts`, `import type { X } from "./${next}.ts";`)
  );
  const beside = parseSource("src/raft/d.ts", 'import "./a.ts";');
  assertEquals(circling([...circle, beside]), circle.map(({ path }) => path));
  const page = parseSource("src/dashboard/planted.ts", 'import "../api/v1/error.ts";');
  assertEquals(forbiddenImports(page), ["src/dashboard/planted.ts:1 imports ../api/v1/error.ts"]);
  assertEquals(planted.exports.map(({ name, kind }) => [name, kind]), [
    ["x", "value"],
    ["Y", "class"],
  ]);
  assertEquals(planted.undocumented, [4]);
  assertEquals(
    planted.constructs.map(({ what }) => what).toSorted(),
    ["any", "default export", "enum", "inheritance", "new Date()"],
  );
});
