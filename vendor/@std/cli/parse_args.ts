/**
 * Stands in for JSR's `@std/cli/parse-args` over `node:util`, for the part that
 * is used: `string`, `boolean` and `unknown` options.
 *
 * @module
 */
import { parseArgs as nodeParseArgs } from "node:util";

type Values<B extends string, S extends string> =
  & { [key: string]: unknown }
  & { [key in B]: boolean }
  & { [key in S]?: string }
  & { _: (string | number)[] };

export interface ParseOptions<
  B extends string = never,
  S extends string = never,
> {
  boolean?: readonly B[];
  string?: readonly S[];
  /** Called with an argument that is in neither list; false drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

export function parseArgs<B extends string = never, S extends string = never>(
  args: string[],
  options: ParseOptions<B, S> = {},
): Values<B, S> {
  const { boolean = [], string = [], unknown = () => true } = options;
  const names = [...boolean, ...string];
  const { tokens } = nodeParseArgs({
    args,
    strict: false,
    tokens: true,
    options: Object.fromEntries(names.map((name) => [name, {
      type: (boolean as readonly string[]).includes(name) ? "boolean" : "string",
      ...(name.length === 1 ? { short: name } : {}),
    }])),
  });
  const values: Record<string, unknown> = Object.fromEntries(
    boolean.map((name) => [name, false]),
  );
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") {
      if (unknown(token.value) !== false) rest.push(token.value);
    } else if (token.kind === "option") {
      const value = token.value ??
        ((string as readonly string[]).includes(token.name) ? "" : true);
      const known = (names as readonly string[]).includes(token.name);
      if (known || unknown(token.rawName, token.name, value) !== false) {
        values[token.name] = value;
      }
    }
  }
  return { ...values, _: rest } as unknown as Values<B, S>;
}
