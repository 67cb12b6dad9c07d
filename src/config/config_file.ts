/** etcd's configuration file: YAML whose keys are the names of flags. Loaded only when it is asked for. */
import type { ConfigFile } from "./command_line.ts";
import { fileProblem } from "./files.ts";
import { printable, UsageError } from "./usage_error.ts";
import { parse } from "./yaml.js";

/** Nobody writes a longer one. */
const BYTES_MAX = 1024 * 1024;

/** Keys that etcd has in a section of their own, and the flags that they mean. */
const SECTIONS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ["client-transport-security", sectionOf("", "client-")],
  ["peer-transport-security", sectionOf("peer-", "peer-")],
]);

function sectionOf(prefix: string, ofCertificates: string): ReadonlyMap<string, string> {
  const plain = [
    ...["cert-file", "key-file", "client-cert-file", "client-key-file", "client-cert-auth"],
    ...["trusted-ca-file", "auto-tls"],
  ];
  return new Map([
    ...plain.map((key) => [key, `${prefix}${key}`] as const),
    ["crl-file", `${ofCertificates}crl-file`],
    ["allowed-cn", `${ofCertificates}cert-allowed-cn`],
    ["allowed-hostname", `${ofCertificates}cert-allowed-hostname`],
    ["skip-client-san-verification", `${prefix}skip-client-san-verification`],
  ]);
}

/** Reads the file at `path`, which `label` names. Rejects with `UsageError`. */
export async function readConfigFile(path: string, label: string): Promise<ConfigFile> {
  const document = parseDocument(await readText(path, label), path);
  const entries = Object.entries(document).flatMap(([name, value]) => {
    const section = SECTIONS.get(name);
    if (section === undefined) return [{ name, value: textOf(name, value, path) }];
    return Object.entries(mapping(name, value, path)).map(([key, inner]) => {
      const flag = section.get(key);
      if (flag === undefined) throw wrong(path, `"${name}.${key}" is no setting`);
      return { name: flag, value: textOf(`${name}.${key}`, inner, path) };
    });
  });
  return { path, entries };
}

async function readText(path: string, label: string): Promise<string> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw new UsageError(`${label} "${printable(path)}": expected a file`);
    if (size > BYTES_MAX) {
      throw new UsageError(`${label} "${printable(path)}": expected at most 1 MiB, found ${size}`);
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${label} "${printable(path)}": ${fileProblem(error)}`);
  }
}

function parseDocument(text: string, path: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    const [line = "it is no YAML"] = error instanceof Error ? error.message.split("\n") : [];
    throw wrong(path, line.replace(/:$/, ""));
  }
  return document === null ? {} : mapping(undefined, document, path);
}

function mapping(
  name: string | undefined,
  value: unknown,
  path: string,
): Readonly<Record<string, unknown>> {
  if (value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(path, `expected names and values${name === undefined ? "" : ` in "${name}"`}`);
}

/** A value as one would type it after the flag. */
function textOf(name: string, value: unknown, path: string): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value.trim();
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return String(value);
  }
  if (Array.isArray(value) && value.every((item) => item === null || typeof item !== "object")) {
    return value.map((item) => textOf(name, item, path)).join(",");
  }
  throw wrong(path, `expected text, a number or a list as "${printable(name)}"`);
}

function wrong(path: string, problem: string): UsageError {
  return new UsageError(`Configuration file "${printable(path)}": ${printable(problem)}`);
}
