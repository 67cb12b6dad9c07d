/** The part of npm's `yaml` that is bundled in `yaml.js`. */

/** The value of a YAML 1.2 document. Throws an `Error` whose message's first line says what is wrong. */
export function parse(text: string): unknown;
