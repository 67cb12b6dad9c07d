/** What v1's routes share. */
import type { Service } from "../../service/service.ts";
import type { EventReplies } from "./reply.ts";

/** One v1 of one port. */
export interface V1 {
  readonly service: Service;
  readonly replies: Pick<EventReplies, "of">;
  /** `-redirect`: send clients that write to the leader (307) instead of asking it for them. */
  readonly redirect: boolean;
}
