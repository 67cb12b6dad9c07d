/** The header of every response: which cluster and member answers, at which revision. */
import { wideId } from "../../base/ids.ts";
import type { Service } from "../../service/service.ts";
import type { ResponseHeader } from "./messages/kv.ts";

export class HeaderMaker {
  readonly #service: Service;
  readonly clusterId: bigint;
  readonly memberId: bigint;

  constructor(service: Service) {
    this.#service = service;
    this.clusterId = wideId(service.node.clusterId);
    this.memberId = wideId(service.node.self);
  }

  /** With the revision of a command that was applied; 0 leaves it out. */
  at(revision: number): ResponseHeader {
    return {
      clusterId: this.clusterId,
      memberId: this.memberId,
      revision,
      raftTerm: this.#service.node.term(),
    };
  }

  /** With the revision of what this member has applied by now. */
  now(): ResponseHeader {
    return this.at(this.#service.revision);
  }
}
