/**
 * What the layers below `server.ts` may say to the operator. The logger prints;
 * the *log* is the replicated one (see the glossary in `src/DESIGN.md`).
 */

/** One thing that was said. In JSON the fields stand beside the rest, so none has a name of it. */
export interface LogRecord {
  /** ISO 8601 in UTC, with milliseconds. */
  readonly time: string;
  readonly level: LogLevel;
  /** The name of the node that speaks. */
  readonly node: string;
  readonly message: string;
  readonly fields: Fields;
}

/**
 * Values that go beside a message: flat, so that text and JSON read alike. None is
 * called as a part of the record itself is, which it would replace in JSON.
 */
export type Fields =
  & Readonly<Record<string, string | number | boolean>>
  & { readonly [Reserved in Exclude<keyof LogRecord, "fields">]?: never };

export interface Logger {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  /** Shown with `-v`. */
  debug(message: string, fields?: Fields): void;
  /** Shown with `-vv`. */
  trace(message: string, fields?: Fields): void;
}

/** From the loudest, `error`, to the quietest. */
export type LogLevel = keyof Logger;

/** Says nothing; for tests and the simulator. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
};
