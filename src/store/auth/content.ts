/**
 * Users and roles as bytes, as an image has them: in the order of their names, so that
 * equal states have equal bytes.
 *
 *     enabled   1 byte
 *     revision  integer
 *     secret    value
 *     users     count; name, password's hash, noPassword (1 byte), revision, count and names of roles
 *     roles     count; name, count of permissions; type (1 byte), key, end
 */
import { type ByteReader, DecodeError } from "../../base/bytes.ts";
import type { ByteString } from "../byte_string.ts";
import { readPermission, writePermission } from "../command/auth_codec.ts";
import type { Permission } from "../command/auth_command.ts";
import { GrowingWriter } from "../command/growing_writer.ts";
import type { Role, User } from "./users.ts";

/** All that there is. */
export interface AuthContent {
  readonly isEnabled: boolean;
  readonly revision: number;
  readonly secret: Uint8Array;
  /** By name. */
  readonly users: readonly User[];
  /** By name. */
  readonly roles: readonly Role[];
}

/** The bytes of `content`. */
export function encodeAuthContent(content: AuthContent): Uint8Array {
  const writer = new GrowingWriter();
  writer.begin();
  writer.byte(content.isEnabled ? 1 : 0);
  writer.integer(content.revision);
  writer.value(content.secret);
  writer.integer(content.users.length);
  for (const user of content.users) {
    writer.byteString(user.name);
    writer.byteString(user.passwordHash);
    writer.byte(user.noPassword ? 1 : 0);
    writer.integer(user.revision);
    writer.integer(user.roles.length);
    for (const role of user.roles) writer.byteString(role);
  }
  writer.integer(content.roles.length);
  for (const role of content.roles) {
    writer.byteString(role.name);
    writer.integer(role.permissions.length);
    for (const permission of role.permissions) writePermission(writer, permission);
  }
  return writer.take();
}

/** The reverse. Throws `DecodeError`, also when names come twice or not in their order. */
export function decodeAuthContent(reader: ByteReader): AuthContent {
  return {
    isEnabled: reader.byte() === 1,
    revision: reader.integer(),
    secret: reader.bytes().slice(),
    users: readNamed(reader, readUser),
    roles: readNamed(reader, readRole),
  };
}

function readUser(reader: ByteReader): User {
  const name = reader.byteString();
  const passwordHash = reader.byteString();
  const noPassword = reader.byte() === 1;
  const revision = reader.integer();
  const roles: ByteString[] = [];
  for (let left = reader.integer(); left > 0; left--) roles.push(reader.byteString());
  return { name, passwordHash, noPassword, roles, revision };
}

function readRole(reader: ByteReader): Role {
  const name = reader.byteString();
  const permissions: Permission[] = [];
  for (let left = reader.integer(); left > 0; left--) permissions.push(readPermission(reader));
  return { name, permissions };
}

function readNamed<T extends { readonly name: ByteString }>(
  reader: ByteReader,
  read: (reader: ByteReader) => T,
): T[] {
  const all: T[] = [];
  for (let left = reader.integer(); left > 0; left--) {
    const one = read(reader);
    const last = all.at(-1);
    if (last !== undefined && last.name >= one.name) {
      throw new DecodeError(`Expected ascending names, found "${one.name}" too late`);
    }
    all.push(one);
  }
  return all;
}
