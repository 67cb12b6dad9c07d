/** What v2's PUT, POST and DELETE do to the model. */
import type { TreeDeleteCommand, TreePutCommand } from "../../src/store/command/command.ts";
import type { Action } from "../../src/store/event.ts";
import { above, isFile, type Model } from "./model.ts";
import { bytesIn, type PlainEvent, type PlainRejected, type PlainVersion } from "./plain.ts";

type TreeResult = PlainEvent | PlainRejected;

export function applyTreePut(model: Model, command: TreePutCommand): TreeResult {
  if (command.inOrder) return postInOrder(model, command);
  const { key, prevExist, refresh } = command;
  if (key === "/") return model.rejected("rootIsReadOnly", "/");
  const blocking = model.fileAbove(key);
  if (blocking !== undefined) return model.rejected("notADirectory", blocking);
  if (prevExist === false) return create(model, key, command);
  if (compares(command)) return compareAndSwap(model, command);
  if (prevExist === true) return update(model, command, "update");
  return refresh ? update(model, command, "set") : set(model, command);
}

export function applyTreeDelete(model: Model, command: TreeDeleteCommand): TreeResult {
  const { key, isDirectory, recursive } = command;
  if (key === "/") return model.rejected("rootIsReadOnly", "/");
  const blocking = model.fileAbove(key);
  if (blocking !== undefined) return model.rejected("notADirectory", blocking);
  const file = model.file(key);
  if (file !== undefined) {
    const failed = comparisons(file, command);
    if (failed.length > 0) return model.rejected("testFailed", key, failed);
    return model.remove(key, compares(command) ? "compareAndDelete" : "delete");
  }
  if (!model.hasDirectory(key)) return missing(model, key);
  if (compares(command) || !isDirectory && !recursive) return model.rejected("notAFile", key);
  const { files, directories } = model.below(key);
  const isEmpty = files.length + directories.length === 0;
  if (!recursive && !isEmpty) return model.rejected("directoryNotEmpty", key);
  return model.removeDirectory(key, "delete");
}

function postInOrder(model: Model, command: TreePutCommand): TreeResult {
  const name = `${model.changeIndex + 1}`.padStart(20, "0");
  const key = `${command.key === "/" ? "" : command.key}/${name}`;
  const blocking = model.fileAbove(key);
  if (blocking !== undefined) return model.rejected("notADirectory", blocking);
  return create(model, key, command);
}

function create(model: Model, key: string, command: TreePutCommand): TreeResult {
  if (model.file(key) !== undefined || model.hasDirectory(key)) {
    return model.rejected("keyExists", key);
  }
  return make(model, key, command, "create");
}

function set(model: Model, command: TreePutCommand): TreeResult {
  const { key, isDirectory, ttlSeconds } = command;
  if (model.file(key) === undefined) {
    return model.hasDirectory(key)
      ? model.rejected("notAFile", key)
      : make(model, key, command, "set");
  }
  if (isDirectory) return model.replaceByDirectory(key, model.deadlineAfter(ttlSeconds));
  return write(model, command, "set");
}

/** What is not there yet. */
function make(model: Model, key: string, command: TreePutCommand, action: Action): TreeResult {
  if (!isFile(key)) return model.rejected("notAFile", key);
  const deadlineMs = model.deadlineAfter(command.ttlSeconds);
  if (command.isDirectory) return model.putDirectory(key, action, deadlineMs, false);
  return model.put(key, { action, value: bytesIn(command.value), deadlineMs }, true);
}

/** The file that is there. */
function write(model: Model, command: TreePutCommand, action: Action): TreeResult {
  const { key, value, refresh: isQuiet, ttlSeconds } = command;
  return model.put(key, {
    action,
    value: isQuiet ? model.file(key)!.value : bytesIn(value),
    deadlineMs: model.deadlineAfter(ttlSeconds),
    keepsCreatedIndex: action !== "set",
    isQuiet,
  }, true);
}

function update(model: Model, command: TreePutCommand, action: "set" | "update"): TreeResult {
  const { key, value, refresh, ttlSeconds } = command;
  if (model.file(key) !== undefined) return write(model, command, action);
  if (!model.hasDirectory(key)) return missing(model, key);
  if (action === "set" || bytesIn(value) !== "") return model.rejected("notAFile", key);
  return model.putDirectory(key, action, model.deadlineAfter(ttlSeconds), refresh);
}

function compareAndSwap(model: Model, command: TreePutCommand): TreeResult {
  const { key } = command;
  const file = model.file(key);
  if (file === undefined) {
    return model.hasDirectory(key) ? model.rejected("notAFile", key) : missing(model, key);
  }
  const failed = comparisons(file, command);
  if (failed.length > 0) return model.rejected("testFailed", key, failed);
  return write(model, command, "compareAndSwap");
}

type Conditions = Pick<TreePutCommand, "prevValue" | "prevIndex">;

function compares({ prevValue, prevIndex }: Conditions): boolean {
  return prevValue !== undefined || prevIndex !== 0;
}

/** What of the conditions does not hold: value, then index. */
function comparisons({ value, modifiedIndex }: PlainVersion, { prevValue, prevIndex }: Conditions) {
  const expected = prevValue === undefined ? value : bytesIn(prevValue);
  const both = [
    { of: "value", expected, found: value },
    { of: "index", expected: `${prevIndex || modifiedIndex}`, found: `${modifiedIndex}` },
  ] as const;
  return both.filter(({ expected, found }) => expected !== found);
}

/** Names the first directory on the way that is not there. */
function missing(model: Model, key: string): PlainRejected {
  const first = above(key).find((path) => !model.hasDirectory(path));
  return model.rejected("keyNotFound", first ?? key);
}
