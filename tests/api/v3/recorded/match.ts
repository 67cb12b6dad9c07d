/**
 * The patterns of recorded exchanges of v3's gateway, and what they match. In strings:
 *
 *     b64:text     the base64 of a text's UTF-8
 *     <name+1>     a number that was bound before; r0 is the revision when the scenario began
 *     <hex:name>   one in hexadecimal, within a text
 *     <=name>      binds    <any>    <int>    <pos> not "0"    <2..5> a number between
 *     <re:...>     a regular expression
 *     <H r0+1>     a header with this revision; <H> one without
 *
 * `{"$has": {...}}` asks for at least these fields, `{"$repeat": "x", "times": 9}` is the
 * base64 of as many, `{"$list": item, "times": 9}` as many items with "#" from 0 up.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** What a scenario has bound. */
export class Patterns {
  readonly #bound = new Map<string, bigint | string>();

  bind(name: string, value: bigint | string): void {
    this.#bound.set(name, value);
  }

  /** A request, with what was bound in its place. */
  fill(json: Json | undefined): Json {
    if (json === undefined) return null;
    if (typeof json === "string") return this.#text(json);
    if (Array.isArray(json)) return json.map((item: Json) => this.fill(item));
    if (!isObject(json)) return json;
    const { $repeat, $list, times } = json;
    if (typeof $repeat === "string") return base64(String($repeat).repeat(Number(times)));
    if ($list !== undefined) {
      const item = JSON.stringify($list);
      return Array.from(
        { length: Number(times) },
        (_, place) => this.fill(JSON.parse(item.replaceAll("#", String(place)))),
      );
    }
    return Object.fromEntries(
      Object.entries(json).map(([name, value]) => [name, this.fill(value)]),
    );
  }

  /** What is different, one line each. */
  differences(expected: Json | undefined, found: Json | undefined, at = "$"): string[] {
    if (typeof expected === "string") return this.#differentText(expected, found, at);
    if (Array.isArray(expected)) {
      if (!Array.isArray(found)) return [`${at}: expected a list, found ${show(found)}`];
      const lengths = expected.length === found.length
        ? []
        : [`${at}: expected ${expected.length} items, found ${found.length}`];
      return lengths.concat(
        expected.slice(0, found.length)
          .flatMap((item: Json, place: number) =>
            this.differences(item, found[place], `${at}[${place}]`)
          ),
      );
    }
    if (isObject(expected)) return this.#differentObject(expected, found, at);
    return expected === found ? [] : [`${at}: expected ${show(expected)}, found ${show(found)}`];
  }

  #differentObject(expected: JsonObject, found: Json | undefined, at: string): string[] {
    const { $repeat, $list, $has } = expected;
    if ($repeat !== undefined || $list !== undefined) {
      return this.differences(this.fill(expected), found, at);
    }
    if (!isObject(found)) return [`${at}: expected an object, found ${show(found)}`];
    const wanted = isObject($has) ? $has : expected;
    const missing = Object.keys(wanted).flatMap((name) =>
      name in found
        ? this.differences(wanted[name], found[name], `${at}.${name}`)
        : [`${at}.${name}: missing`]
    );
    if ($has !== undefined) return missing;
    const strange = Object.keys(found).filter((name) => !(name in expected))
      .map((name) => `${at}.${name}: not expected, found ${show(found[name])}`);
    return [...missing, ...strange];
  }

  #differentText(expected: string, found: Json | undefined, at: string): string[] {
    const no = () => [`${at}: expected ${expected}, found ${show(found)}`];
    const header = /^<H(?: (.+))?>$/.exec(expected);
    if (header !== null) return this.#differentHeader(header[1], found, at);
    const binding = /^<=(\w+)>$/.exec(expected);
    if (binding !== null && typeof found === "string") {
      this.bind(binding[1]!, found);
      return [];
    }
    if (expected === "<any>") return found === undefined ? no() : [];
    if (expected === "<int>") return /^-?\d+$/.test(String(found)) ? [] : no();
    if (expected === "<pos>") return /^[1-9]\d*$/.test(String(found)) ? [] : no();
    const range = /^<(-?\d+)\.\.(-?\d+)>$/.exec(expected);
    if (range !== null) {
      const number = Number(found);
      return number >= Number(range[1]) && number <= Number(range[2]) ? [] : no();
    }
    const pattern = /^<re:(.*)>$/s.exec(expected);
    if (pattern !== null) return new RegExp(pattern[1]!, "s").test(String(found)) ? [] : no();
    return this.#text(expected) === found ? [] : no();
  }

  #differentHeader(revision: string | undefined, found: Json | undefined, at: string): string[] {
    const of = (name: string) => this.#bound.has(name) ? `<${name}>` : `<=${name}>`;
    return this.differences(
      {
        cluster_id: of("cluster"),
        member_id: of("member"),
        raft_term: "<pos>",
        ...(revision === undefined ? {} : { revision: `<${revision}>` }),
      },
      found,
      at,
    );
  }

  #text(pattern: string): string {
    const text = pattern
      .replace(/<hex:(\w+)>/g, (_, name) => BigInt(this.#bound.get(name) ?? 0).toString(16))
      .replace(/<([A-Za-z]\w*)([+-]\d+)?>/g, (whole, name, more) => {
        const value = this.#bound.get(name);
        if (value === undefined) return whole;
        return String(more === undefined ? value : BigInt(value) + BigInt(more));
      });
    return text.startsWith("b64:") ? base64(text.slice(4)) : text;
  }
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function show(json: Json | undefined): string {
  const text = JSON.stringify(json) ?? "nothing";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
