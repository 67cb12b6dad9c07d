/**
 * The way of v1's writes: a command to the service, and what came of it to a
 * reply. Event replies are shared between the writer and all who watch.
 */
import type { Exchange, Reply, ReplyOrFault } from "../../http/exchange.ts";
import type { Answer } from "../../service/answer.ts";
import type { DeleteCommand, SetCommand } from "../../store/command/command.ts";
import type { Event } from "../../store/event.ts";
import type { Rejected } from "../../store/result.ts";
import { whoAsks } from "../who.ts";
import type { V1 } from "./context.ts";
import { failureReply, rejectionReply } from "./error.ts";

/** Has `command` committed; a redirect leads to the same target at the leader. */
export function write(
  v1: V1,
  command: SetCommand | DeleteCommand,
  exchange: Exchange,
): Promise<ReplyOrFault> {
  return new Promise((resolve, reject) => {
    v1.service.auth.write(whoAsks(exchange), command, v1.redirect, (answer) => {
      // It runs in the node's turn: a mistake here is the request's, not the node's.
      try {
        resolve(answerReply(answer, v1, exchange.target));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function answerReply(
  answer: Answer<Event | Rejected>,
  { replies }: V1,
  target: string,
): ReplyOrFault {
  if (!answer.ok) {
    return answer.reason === "redirect"
      ? redirection(answer.clientUrl + target.replace(NO_HEADER_CHARACTER, encodeURIComponent))
      : failureReply(answer);
  }
  const result = answer.value;
  return result.kind === "rejected" ? rejectionReply(result) : replies.of(result);
}

/** What a target may hold and a header must not. */
const NO_HEADER_CHARACTER = /[^\x21-\x7e]/gu;

/** 307: the client asks again at `location`, with the same method and body. */
export function redirection(location: string): Reply {
  return { status: 307, headers: { location }, contentType: "text/plain", body: "" };
}
