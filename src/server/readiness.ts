/**
 * The lines that scripts around etcd wait for: that this member is known to the cluster,
 * that a quorum works, that requests of clients are served.
 */
import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";
import type { RealMember } from "../member/real_member.ts";
import { formatId } from "../base/ids.ts";
import { COMPATIBLE_CLUSTER_VERSION } from "../version.ts";

/** Between two attempts; each waits for a leader by itself. */
const RETRY_MS = 100;

/** Waits for a quorum, then says so; stop it before the member. */
export class Readiness {
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ name, node, service }: RealMember, config: Config, logger: Logger) {
    const announce = () => {
      if (this.#isOver) return;
      service.whenFresh(() => {
        if (this.#isOver) return;
        logger.info("published local member to cluster through raft", {
          "local-member-id": formatId(node.self),
          "local-member-attributes": `{Name:${name} ClientURLs:[${config.client.urls.join(" ")}]}`,
          "cluster-id": formatId(node.clusterId),
        });
        logger.info("enabled capabilities for version", {
          "cluster-version": COMPATIBLE_CLUSTER_VERSION.replace(/\.\d+$/, ""),
        });
        logger.info("ready to serve client requests", { address: config.client.url });
      }, () => this.#timer = setTimeout(announce, RETRY_MS));
    };
    announce();
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
