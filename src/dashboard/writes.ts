/** What the page may change: it sets a key, tests and sets it, or deletes it. */
import type { Exchange, Reply, ReplyOrFault } from "../http/exchange.ts";
import { fault } from "../http/fault.ts";
import { urlencodedFields } from "../http/form.ts";
import { longerThan } from "../http/path.ts";
import type { Route } from "../http/router.ts";
import type { Outcome } from "../node/ports.ts";
import { isReserved } from "../service/membership_view.ts";
import type { Service } from "../service/service.ts";
import { byteStringOf, textOf } from "../store/byte_string.ts";
import type { DeleteCommand, SetCommand } from "../store/command/command.ts";
import type { Event } from "../store/event.ts";
import { isTooDeep } from "../store/path.ts";
import type { Rejected } from "../store/result.ts";
import { textOfBytes } from "../store/value.ts";
import { failureReply, rejectionReply } from "./faults.ts";
import { problemReply, whoSits } from "./session.ts";

const FIELDS = new Set(["value", "ttl", "prevValue"]);

/** Whole seconds; zero or less deletes. */
const TTL = /^-?[0-9]{1,15}$/;

/** `POST` and `DELETE` of a key. `keyBytesMax`: after decoding, in UTF-8. */
export function writeMethods(service: Service, keyBytesMax: number): Route["methods"] {
  const write = (exchange: Exchange, key: string, command: SetCommand | DeleteCommand | string) => {
    const problem = problemOf(key, keyBytesMax);
    if (problem !== undefined) return fault(400, problem);
    return typeof command === "string" ? fault(400, command) : commit(service, exchange, command);
  };
  return {
    POST: (exchange, key) => write(exchange, key, setCommand(exchange, key)),
    DELETE: (exchange, key) => write(exchange, key, { type: "delete", key: byteStringOf(key) }),
  };
}

function problemOf(key: string, keyBytesMax: number): string | undefined {
  if (longerThan(key, keyBytesMax)) {
    return `Expected a key of at most ${keyBytesMax} bytes, found a longer one`;
  }
  if (isTooDeep(key)) return "Expected a key of fewer levels";
  if (isReserved(key)) return `Expected a key that clients may write, found "${key}"`;
  return undefined;
}

/** The command, or what is wrong with the form. */
function setCommand({ body }: Exchange, key: string): SetCommand | string {
  const fields = urlencodedFields(body, "", FIELDS);
  if ("cause" in fields) return fields.cause;
  const value = fields.get("value") ?? "";
  if (value === "") return "Expected a value, found none";
  const ttl = fields.get("ttl") ?? "";
  if (ttl !== "" && !TTL.test(ttl)) return `Expected whole seconds to live, found "${ttl}"`;
  const prevValue = fields.get("prevValue") || undefined;
  const ttlSeconds = ttl === "" ? undefined : Number(ttl);
  return { type: "set", key: byteStringOf(key), value, prevValue, ttlSeconds };
}

/** A page can't follow a redirect to another member: this one passes the write on. */
function commit(
  { auth }: Service,
  exchange: Exchange,
  command: SetCommand | DeleteCommand,
): Promise<ReplyOrFault> {
  return new Promise((resolve) => {
    auth.write(whoSits(exchange), command, false, (answer) => resolve(replyTo(answer)));
  });
}

function replyTo(answer: Outcome<Event | Rejected>): ReplyOrFault {
  if (!answer.ok) return failureReply(answer);
  const result = answer.value;
  return result.kind === "rejected"
    ? refusalReply(result)
    : { status: 200, body: JSON.stringify(describeWrite(result)) };
}

function refusalReply(rejected: Rejected): Reply {
  switch (rejected.reason) {
    case "permissionDenied":
    case "userNameEmpty":
    case "invalidToken":
    case "authenticationFailed":
    case "tooManyLogins":
      return problemReply(rejected.reason);
    default:
      return rejectionReply(rejected);
  }
}

function describeWrite({ key, logIndex, before, after }: Event) {
  return {
    key: textOf(key),
    index: logIndex,
    newKey: before === undefined && after !== undefined,
    ...(before !== undefined && { prevValue: textOfBytes(before.value) }),
  };
}
