/**
 * The way of v1's writes: an operation to the service, and what came of it to a
 * reply. Event replies are shared between the writer and all who watch.
 */
import type { Reply, ReplyOrFault } from "../../http/exchange.ts";
import type { Answer } from "../../service/answer.ts";
import type { ApplyResult } from "../../store/event.ts";
import type { Operation } from "../../store/operation.ts";
import type { V1 } from "./context.ts";
import { errorReply, failureReply, rejectionReply } from "./error.ts";

/** Has `operation` committed; `target` is where a redirect leads at the leader. */
export function write(v1: V1, operation: Operation, target: string): Promise<ReplyOrFault> {
  return new Promise((resolve, reject) => {
    v1.service.write(operation, v1.redirect, (answer) => {
      // It runs in the node's turn: a mistake here is the request's, not the node's.
      try {
        resolve(answerReply(answer, v1, target));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function answerReply(
  answer: Answer<ApplyResult>,
  { replies }: V1,
  target: string,
): ReplyOrFault {
  if (!answer.ok) {
    return answer.reason === "redirect"
      ? redirection(answer.clientUrl + target.replace(NO_HEADER_CHARACTER, encodeURIComponent))
      : failureReply(answer);
  }
  const result = answer.value;
  if ("action" in result) return replies.of(result);
  if ("reason" in result) return rejectionReply(result);
  return errorReply(300, "Expected an event, the entry changed nothing");
}

/** What a target may hold and a header must not. */
const NO_HEADER_CHARACTER = /[^\x21-\x7e]/gu;

/** 307: the client asks again at `location`, with the same method and body. */
export function redirection(location: string): Reply {
  return { status: 307, headers: { location }, contentType: "text/plain", body: "" };
}
