/** What can be wrong with a bbolt file, in words for the operator. */

/** The file is no sound bbolt database, or no sound etcd snapshot. Nothing of it should be used. */
export class BoltError extends Error {
  override readonly name = "BoltError";
  /** The page in which the damage was found; undefined where no single page can be named. */
  readonly page: number | undefined;
  readonly expected: string;
  readonly found: string;

  /** `place` is the id of a page, or says what was being read, such as `bucket "lease"`. */
  constructor(place: number | string, expected: string, found: string) {
    const where = typeof place === "number" ? `page ${place}` : place;
    super(`Expected ${expected} in ${where} of the bbolt file, found ${found}`);
    this.page = typeof place === "number" ? place : undefined;
    this.expected = expected;
    this.found = found;
  }
}

/** What is being written was not the same when it was read for the second time. */
export class SourceChangedError extends Error {
  override readonly name = "SourceChangedError";

  constructor(expectedPages: number, foundPages: number) {
    super(
      `Expected the entries of ${expectedPages} pages again, found those of ${foundPages}: ` +
        "what was written so far is no bbolt file",
    );
  }
}
