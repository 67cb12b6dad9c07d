/** Bytes that are synced, in a file that is as long as it will be, as the node's log is. */
const LOG_BYTES = 16 * 1024 * 1024;

export class Log {
  readonly #file: Deno.FsFile;
  #at = 0;

  constructor(directory: string) {
    Deno.mkdirSync(directory, { recursive: true });
    this.#file = Deno.openSync(`${directory}/log`, { write: true, createNew: true });
    const zeros = new Uint8Array(LOG_BYTES);
    for (let at = 0; at < LOG_BYTES;) at += this.#file.writeSync(zeros.subarray(at));
    this.#file.syncSync();
    this.#file.seekSync(0, Deno.SeekMode.Start);
  }

  async save(bytes: Uint8Array): Promise<void> {
    if (this.#at + bytes.length > LOG_BYTES) {
      this.#at = 0;
      this.#file.seekSync(0, Deno.SeekMode.Start);
    }
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#at += bytes.length;
    await this.#file.syncData();
  }
}
