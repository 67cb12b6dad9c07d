/** Why a data directory can't be opened, in words for the operator. */

/**
 * Acknowledged data is damaged or missing. Never repaired by dropping data:
 * only the operator knows whether there are other copies.
 */
export class CorruptionError extends Error {
  override readonly name = "CorruptionError";
  /** The path of the damaged or missing file. */
  readonly file: string;
  /** Bytes from its start to the damaged part. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;

  constructor(file: string, offset: number, expected: string, found: string) {
    super(
      `Damaged data in "${file}" at offset ${offset}: expected ${expected}, found ${found}; ` +
        "nothing was changed: restore this directory from a copy, or remove the member from its cluster and let it join again with -f",
    );
    this.file = file;
    this.offset = offset;
    this.expected = expected;
    this.found = found;
  }
}

/**
 * What this node has just written is not what it should be: its memory is damaged, or its
 * disk. What the snapshot was to take the place of is still there.
 */
export class UnsoundSnapshotError extends Error {
  override readonly name = "UnsoundSnapshotError";

  constructor({ file, offset, expected, found }: CorruptionError) {
    super(
      `This node wrote a damaged snapshot to "${file}": expected ${expected} at offset ${offset}, found ${found}; ` +
        "the snapshot and the log before it are kept: start the node again, and look after the memory and the disk of this machine",
    );
  }
}

/** A backup that does not add up, and of which therefore nothing is used. */
export class DamagedBackupError extends Error {
  override readonly name = "DamagedBackupError";
  /** Bytes from the start of the file to the damaged part. */
  readonly offset: number;

  constructor(file: string, { offset, expected, found }: CorruptionError) {
    super(
      `Damaged backup "${file}" at offset ${offset}: expected ${expected}, found ${found}: ` +
        "use another backup, nothing was made of this one",
    );
    this.offset = offset;
  }
}

/** A command that rebuilds a directory was cut short in it. */
export class UnfinishedError extends Error {
  override readonly name = "UnfinishedError";

  constructor(directory: string, command: string) {
    super(
      `Expected a whole data directory in "${directory}", found one in which "etcd ${command}" was cut short: run it again to its end`,
    );
  }
}

/** The file is sound, but of a format that this program does not know. */
export class FormatVersionError extends Error {
  override readonly name = "FormatVersionError";

  constructor(file: string, expected: number, found: number) {
    super(
      `Expected format version ${expected} in "${file}", found ${found}: start the version of the program that wrote it, or a newer one`,
    );
  }
}

/** Throws a `CorruptionError` about one place; decoders know only what they found there. */
export type Refuse = (expected: string, found: string) => never;

/** A `Refuse` for one place. */
export function refuseAt(file: string, offset: number): Refuse {
  return (expected, found) => {
    throw new CorruptionError(file, offset, expected, found);
  };
}
