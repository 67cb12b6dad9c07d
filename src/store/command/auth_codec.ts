/** The bytes of changes of users and roles within a command; `codec.ts` has what stands around them. */
import { type ByteReader, DecodeError } from "../../base/bytes.ts";
import type { AuthChange, AuthCommand, Permission, PermissionType } from "./auth_command.ts";
import type { GrowingWriter } from "./growing_writer.ts";

/** Their order is part of the format. */
const TYPES: readonly AuthChange["type"][] = [
  "authEnable",
  "authDisable",
  "userAdd",
  "userDelete",
  "userChangePassword",
  "userGrantRole",
  "userRevokeRole",
  "roleAdd",
  "roleDelete",
  "roleGrantPermission",
  "roleRevokePermission",
];

/** Their order is part of the format. */
const PERMISSIONS: readonly PermissionType[] = ["read", "write", "readWrite"];

/** The body of a command of kind `auth`. */
export function writeAuthCommand(writer: GrowingWriter, command: AuthCommand): void {
  writer.integer(command.ifRevision);
  writer.integer(command.changes.length);
  for (const change of command.changes) writeChange(writer, change);
}

/** The reverse. Throws `DecodeError`. */
export function readAuthCommand(reader: ByteReader): AuthCommand {
  const ifRevision = reader.integer();
  const changes: AuthChange[] = [];
  for (let left = reader.integer(); left > 0; left--) changes.push(readChange(reader));
  return { type: "auth", changes, ifRevision };
}

/** A permission, as in commands and images. */
export function writePermission(writer: GrowingWriter, permission: Permission): void {
  writer.byte(PERMISSIONS.indexOf(permission.type));
  writer.byteString(permission.key);
  writer.byteString(permission.rangeEnd);
}

/** The reverse. Throws `DecodeError`. */
export function readPermission(reader: ByteReader): Permission {
  const number = reader.byte();
  const type = PERMISSIONS[number];
  if (type === undefined) throw new DecodeError(`Expected a type of permission, found ${number}`);
  return { type, key: reader.byteString(), rangeEnd: reader.byteString() };
}

function writeChange(writer: GrowingWriter, change: AuthChange): void {
  writer.byte(TYPES.indexOf(change.type));
  switch (change.type) {
    case "authEnable":
      return writer.value(change.secret);
    case "authDisable":
      return;
    case "userAdd":
      writer.byteString(change.user);
      writer.byteString(change.passwordHash);
      return writer.byte(change.noPassword ? 1 : 0);
    case "userDelete":
      return writer.byteString(change.user);
    case "userChangePassword":
      writer.byteString(change.user);
      return writer.byteString(change.passwordHash);
    case "userGrantRole":
    case "userRevokeRole":
      writer.byteString(change.user);
      return writer.byteString(change.role);
    case "roleAdd":
    case "roleDelete":
      return writer.byteString(change.role);
    case "roleGrantPermission":
      writer.byteString(change.role);
      return writePermission(writer, change.permission);
    case "roleRevokePermission":
      writer.byteString(change.role);
      writer.byteString(change.key);
      return writer.byteString(change.rangeEnd);
  }
}

function readChange(reader: ByteReader): AuthChange {
  const number = reader.byte();
  const type = TYPES[number];
  switch (type) {
    case "authEnable":
      return { type, secret: reader.bytes().slice() };
    case "authDisable":
      return { type };
    case "userAdd":
      return {
        type,
        user: reader.byteString(),
        passwordHash: reader.byteString(),
        noPassword: reader.byte() === 1,
      };
    case "userDelete":
      return { type, user: reader.byteString() };
    case "userChangePassword":
      return { type, user: reader.byteString(), passwordHash: reader.byteString() };
    case "userGrantRole":
    case "userRevokeRole":
      return { type, user: reader.byteString(), role: reader.byteString() };
    case "roleAdd":
    case "roleDelete":
      return { type, role: reader.byteString() };
    case "roleGrantPermission":
      return { type, role: reader.byteString(), permission: readPermission(reader) };
    case "roleRevokePermission":
      return {
        type,
        role: reader.byteString(),
        key: reader.byteString(),
        rangeEnd: reader.byteString(),
      };
    default:
      throw new DecodeError(`Expected a change of users and roles, found kind ${number}`);
  }
}
