/** Requests of clients by method: on the hot path, so fields and no map. */

/** The methods that are told apart. */
type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "other";

export class RequestCounters {
  /** Linearizable reads that no leader confirmed. */
  readsFailed = 0;
  /** Answers of `/health`. */
  healthSuccesses = 0;
  healthFailures = 0;
  #get = 0;
  #post = 0;
  #put = 0;
  #delete = 0;
  #head = 0;
  #options = 0;
  #other = 0;

  count(method: string): void {
    switch (method) {
      case "GET":
        this.#get++;
        return;
      case "POST":
        this.#post++;
        return;
      case "PUT":
        this.#put++;
        return;
      case "DELETE":
        this.#delete++;
        return;
      case "HEAD":
        this.#head++;
        return;
      case "OPTIONS":
        this.#options++;
        return;
      default:
        this.#other++;
    }
  }

  get received(): ReadonlyMap<Method, number> {
    return new Map<Method, number>([
      ["GET", this.#get],
      ["HEAD", this.#head],
      ["POST", this.#post],
      ["PUT", this.#put],
      ["DELETE", this.#delete],
      ["OPTIONS", this.#options],
      ["other", this.#other],
    ]);
  }
}
