/**
 * What the tidy rules need to know of a source file, read from its syntax tree
 * by the parser that `deno lint` brings. Judges nothing.
 */
import { walkSync } from "@std/fs/walk";

export interface Source {
  /** From the project's root, e.g. `src/raft/log.ts`. */
  readonly path: string;
  readonly lines: readonly string[];
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  readonly functions: readonly { readonly line: number; readonly lines: number }[];
  /**
   * Exported functions, constants and classes without a doc comment right before
   * them. Left out are types, whose members speak, and a file's first class, for
   * which the comment that opens the file does.
   */
  readonly undocumented: readonly number[];
  /** Where a construct stands that the style leaves out, by what it is. */
  readonly constructs: readonly { readonly what: Construct; readonly line: number }[];
  /** Free identifiers and dotted names that may reach out of the program. */
  readonly names: readonly { readonly name: string; readonly line: number }[];
}

export interface Import {
  readonly specifier: string;
  /** What is taken, by its name there; undefined for all of it. */
  readonly names: readonly string[] | undefined;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
  /** Loaded when it is asked for. */
  readonly lazy?: boolean;
  readonly line: number;
}

export interface Export {
  readonly name: string;
  readonly kind: "class" | "value" | "type";
  readonly line: number;
}

export type Construct = "any" | "enum" | "default export" | "inheritance" | "new Date()";

export const ROOT = new URL("../../", import.meta.url).pathname;

/** Nobody reads or writes these by hand. */
const GENERATED = ["src/dashboard/bundle.ts", "src/config/yaml.d.ts"];

/** All TypeScript files of the given folders or files, in order. */
export function readSources(...places: string[]): Source[] {
  const paths = places.flatMap((place) =>
    place.endsWith(".ts") ? [ROOT + place] : Array.from(
      walkSync(ROOT + place, { exts: [".ts", ".tsx"], includeDirs: false }),
      (entry) => entry.path,
    ).filter((path) => !GENERATED.includes(path.slice(ROOT.length)))
  );
  return paths.toSorted().map((path) =>
    parseSource(path.slice(ROOT.length), Deno.readTextFileSync(path))
  );
}

/** Reads one file. Throws when it is no TypeScript. */
export function parseSource(path: string, text: string): Source {
  const imports: Import[] = [];
  const exports: Export[] = [];
  const functions: { line: number; lines: number }[] = [];
  const undocumented: number[] = [];
  const constructs: { what: Construct; line: number }[] = [];
  const names: { name: string; line: number }[] = [];
  let hasClass = false;
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const found = (what: Construct) => (node: { range: [number, number] }) =>
    void constructs.push({ what, line: lineAt(node.range[0]) });
  const measure = ({ range: [start, end] }: { range: [number, number] }) =>
    void functions.push({ line: lineAt(start), lines: lineAt(end) - lineAt(start) + 1 });

  const create = ({ sourceCode }: Deno.lint.RuleContext): Deno.lint.LintVisitor => ({
    ImportDeclaration(node) {
      const typeOnly = node.importKind === "type" ||
        (node.specifiers.length > 0 &&
          node.specifiers.every((one) =>
            one.type === "ImportSpecifier" && one.importKind === "type"
          ));
      const isWhole = node.specifiers.some(({ type }) => type === "ImportNamespaceSpecifier");
      const names = isWhole
        ? undefined
        : node.specifiers.flatMap((one) =>
          one.type === "ImportSpecifier" ? [nameOf(one.imported)] : []
        );
      const line = lineAt(node.range[0]);
      imports.push({ specifier: node.source.value, names, typeOnly, line });
    },
    ExportAllDeclaration(node) {
      const typeOnly = node.exportKind === "type";
      const line = lineAt(node.range[0]);
      imports.push({ specifier: node.source.value, names: undefined, typeOnly, line });
    },
    ExportNamedDeclaration(node) {
      const line = lineAt(node.range[0]);
      const kind = kindOf(node.declaration);
      for (const name of exportedNames(node)) exports.push({ name, kind, line });
      if (node.source) {
        const typeOnly = node.exportKind === "type";
        const names = node.specifiers.map(({ local }) => nameOf(local));
        imports.push({ specifier: node.source.value, names, typeOnly, line });
      } else if (node.declaration?.type === "ClassDeclaration" && !hasClass) {
        hasClass = true;
      } else if (isValue(node.declaration) && !isDocumented(sourceCode, node.range[0])) {
        undocumented.push(line);
      }
    },
    ImportExpression(node) {
      const line = lineAt(node.range[0]);
      const specifier = node.source.type === "Literal" ? String(node.source.value) : "";
      imports.push({ specifier, names: undefined, typeOnly: false, lazy: true, line });
    },
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
    TSAnyKeyword: found("any"),
    TSEnumDeclaration: found("enum"),
    ExportDefaultDeclaration: found("default export"),
    ClassDeclaration(node) {
      const base = node.superClass;
      if (base && !sourceCode.getText(base).endsWith("Error")) found("inheritance")(node);
    },
    NewExpression(node) {
      if (sourceCode.getText(node.callee) === "Date" && node.arguments.length === 0) {
        found("new Date()")(node);
      }
    },
    MemberExpression(node) {
      names.push({ name: sourceCode.getText(node), line: lineAt(node.range[0]) });
    },
    Identifier(node) {
      const isProperty = node.parent.type === "MemberExpression" &&
          node.parent.property === node && !node.parent.computed ||
        node.parent.type === "Property" && node.parent.key === node;
      if (!isProperty) names.push({ name: node.name, line: lineAt(node.range[0]) });
    },
  });
  Deno.lint.runPlugin({ name: "tidy", rules: { facts: { create } } }, path, text);
  const lines = text.trimEnd().split("\n");
  return { path, lines, imports, exports, functions, undocumented, constructs, names };
}

function nameOf(node: { readonly name: string } | { readonly value: unknown }): string {
  return "name" in node ? node.name : String(node.value);
}

function kindOf(declaration: Deno.lint.ExportNamedDeclaration["declaration"]): Export["kind"] {
  if (declaration === null) return "type";
  if (declaration.type === "ClassDeclaration") return "class";
  return isValue(declaration) ? "value" : "type";
}

function exportedNames(node: Deno.lint.ExportNamedDeclaration): string[] {
  const { declaration } = node;
  if (declaration === null) return node.specifiers.map(({ exported }) => nameOf(exported));
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => id.type === "Identifier" ? id.name : []);
  }
  return "id" in declaration && declaration.id !== null ? [nameOf(declaration.id as never)] : [];
}

function isValue(declaration: Deno.lint.ExportNamedDeclaration["declaration"]): boolean {
  return declaration !== null && /^(Function|Class|Variable)Declaration$/.test(declaration.type);
}

function isDocumented(code: Deno.lint.SourceCode, offset: number): boolean {
  return code.getAllComments().some((comment) =>
    comment.type === "Block" && comment.value.startsWith("*") &&
    comment.range[1] <= offset && code.text.slice(comment.range[1], offset).trim() === ""
  );
}
