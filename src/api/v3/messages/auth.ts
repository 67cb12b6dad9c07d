/**
 * The messages of the Auth service, and `authpb`: etcd's `rpc.proto` and
 * `auth.proto`, 3.0 to 3.6.
 */
import {
  type Empty,
  emptyMessage,
  header,
  type HeaderOnly,
  headerOnly,
  type ResponseHeader,
} from "./kv.ts";
import { type Enum, enumType } from "./scalars.ts";
import {
  bool,
  enumeration,
  key,
  message,
  type MessageType,
  repeated,
  string,
  sub,
  uint64,
} from "./table.ts";

type PermissionType = Enum<"READ" | "WRITE" | "READWRITE">;

const PERMISSION_TYPE = enumType("authpb.Permission_Type", ["READ", "WRITE", "READWRITE"]);

interface Permission {
  readonly permType: PermissionType;
  readonly key: string;
  readonly rangeEnd: string;
}

interface UserAddOptions {
  readonly noPassword: boolean;
}

type AuthEnableRequest = Empty;
type AuthEnableResponse = HeaderOnly;
type AuthDisableRequest = Empty;
type AuthDisableResponse = HeaderOnly;
type AuthStatusRequest = Empty;

/** Since 3.5. */
interface AuthStatusResponse {
  readonly header: ResponseHeader | undefined;
  readonly enabled: boolean;
  readonly authRevision: number;
}

interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

interface AuthenticateResponse {
  readonly header: ResponseHeader | undefined;
  readonly token: string;
}

interface AuthUserAddRequest {
  readonly name: string;
  readonly password: string;
  readonly options: UserAddOptions | undefined;
  /** Since 3.5: for the server's own use; a client's is to be ignored. */
  readonly hashedPassword: string;
}

interface NameRequest {
  readonly name: string;
}

interface RolesResponse {
  readonly header: ResponseHeader | undefined;
  readonly roles: readonly string[];
}

type AuthUserGetRequest = NameRequest;
type AuthUserGetResponse = RolesResponse;
type AuthUserDeleteRequest = NameRequest;

interface AuthUserChangePasswordRequest {
  readonly name: string;
  readonly password: string;
  /** As in `AuthUserAddRequest`. */
  readonly hashedPassword: string;
}

interface AuthUserGrantRoleRequest {
  readonly user: string;
  readonly role: string;
}

interface AuthUserRevokeRoleRequest {
  readonly name: string;
  readonly role: string;
}

interface AuthUserListResponse {
  readonly header: ResponseHeader | undefined;
  readonly users: readonly string[];
}

type AuthRoleAddRequest = NameRequest;

interface RoleRequest {
  readonly role: string;
}

interface AuthRoleGetResponse {
  readonly header: ResponseHeader | undefined;
  readonly perm: readonly Permission[];
}

interface AuthRoleGrantPermissionRequest {
  /** The role's. */
  readonly name: string;
  readonly perm: Permission | undefined;
}

interface AuthRoleRevokePermissionRequest {
  readonly role: string;
  readonly key: string;
  readonly rangeEnd: string;
}

const Permission = message<Permission>("authpb.Permission", {
  permType: enumeration(1, PERMISSION_TYPE),
  key: key(2),
  rangeEnd: key(3, "range_end"),
});

const UserAddOptions = message<UserAddOptions>("authpb.UserAddOptions", {
  noPassword: bool(1, "no_password"),
});

const nameRequest = (name: string): MessageType<NameRequest> =>
  message<NameRequest>(name, { name: string(1) });

const roleRequest = (name: string): MessageType<RoleRequest> =>
  message<RoleRequest>(name, { role: string(1) });

const rolesResponse = (name: string): MessageType<RolesResponse> =>
  message<RolesResponse>(name, { header, roles: repeated(string(2)) });

const AuthEnableRequest = emptyMessage("AuthEnableRequest");
const AuthEnableResponse = headerOnly("AuthEnableResponse");
const AuthDisableRequest = emptyMessage("AuthDisableRequest");
const AuthDisableResponse = headerOnly("AuthDisableResponse");
const AuthStatusRequest = emptyMessage("AuthStatusRequest");

const AuthStatusResponse = message<AuthStatusResponse>("AuthStatusResponse", {
  header,
  enabled: bool(2),
  authRevision: uint64(3),
});

const AuthenticateRequest = message<AuthenticateRequest>("AuthenticateRequest", {
  name: string(1),
  password: string(2),
});

const AuthenticateResponse = message<AuthenticateResponse>("AuthenticateResponse", {
  header,
  token: string(2),
});

const AuthUserAddRequest = message<AuthUserAddRequest>("AuthUserAddRequest", {
  name: string(1),
  password: string(2),
  options: sub(3, () => UserAddOptions),
  hashedPassword: string(4),
});

const AuthUserAddResponse = headerOnly("AuthUserAddResponse");
const AuthUserGetRequest = nameRequest("AuthUserGetRequest");
const AuthUserGetResponse = rolesResponse("AuthUserGetResponse");
const AuthUserListRequest = emptyMessage("AuthUserListRequest");

const AuthUserListResponse = message<AuthUserListResponse>("AuthUserListResponse", {
  header,
  users: repeated(string(2)),
});

const AuthUserDeleteRequest = nameRequest("AuthUserDeleteRequest");
const AuthUserDeleteResponse = headerOnly("AuthUserDeleteResponse");

const AuthUserChangePasswordRequest = message<AuthUserChangePasswordRequest>(
  "AuthUserChangePasswordRequest",
  { name: string(1), password: string(2), hashedPassword: string(3) },
);

const AuthUserChangePasswordResponse = headerOnly("AuthUserChangePasswordResponse");

const AuthUserGrantRoleRequest = message<AuthUserGrantRoleRequest>("AuthUserGrantRoleRequest", {
  user: string(1),
  role: string(2),
});

const AuthUserGrantRoleResponse = headerOnly("AuthUserGrantRoleResponse");

const AuthUserRevokeRoleRequest = message<AuthUserRevokeRoleRequest>("AuthUserRevokeRoleRequest", {
  name: string(1),
  role: string(2),
});

const AuthUserRevokeRoleResponse = headerOnly("AuthUserRevokeRoleResponse");
const AuthRoleAddRequest = nameRequest("AuthRoleAddRequest");
const AuthRoleAddResponse = headerOnly("AuthRoleAddResponse");
const AuthRoleGetRequest = roleRequest("AuthRoleGetRequest");

const AuthRoleGetResponse = message<AuthRoleGetResponse>("AuthRoleGetResponse", {
  header,
  perm: repeated(sub(2, () => Permission)),
});

const AuthRoleListRequest = emptyMessage("AuthRoleListRequest");
const AuthRoleListResponse = rolesResponse("AuthRoleListResponse");
const AuthRoleDeleteRequest = roleRequest("AuthRoleDeleteRequest");
const AuthRoleDeleteResponse = headerOnly("AuthRoleDeleteResponse");

const AuthRoleGrantPermissionRequest = message<AuthRoleGrantPermissionRequest>(
  "AuthRoleGrantPermissionRequest",
  { name: string(1), perm: sub(2, () => Permission) },
);

const AuthRoleGrantPermissionResponse = headerOnly("AuthRoleGrantPermissionResponse");

const AuthRoleRevokePermissionRequest = message<AuthRoleRevokePermissionRequest>(
  "AuthRoleRevokePermissionRequest",
  { role: string(1), key: key(2), rangeEnd: key(3, "range_end") },
);

const AuthRoleRevokePermissionResponse = headerOnly("AuthRoleRevokePermissionResponse");

export {
  AuthDisableRequest,
  AuthDisableResponse,
  AuthEnableRequest,
  AuthEnableResponse,
  AuthenticateRequest,
  AuthenticateResponse,
  AuthRoleAddRequest,
  AuthRoleAddResponse,
  AuthRoleDeleteRequest,
  AuthRoleDeleteResponse,
  AuthRoleGetRequest,
  AuthRoleGetResponse,
  AuthRoleGrantPermissionRequest,
  AuthRoleGrantPermissionResponse,
  AuthRoleListRequest,
  AuthRoleListResponse,
  AuthRoleRevokePermissionRequest,
  AuthRoleRevokePermissionResponse,
  AuthStatusRequest,
  AuthStatusResponse,
  AuthUserAddRequest,
  AuthUserAddResponse,
  AuthUserChangePasswordRequest,
  AuthUserChangePasswordResponse,
  AuthUserDeleteRequest,
  AuthUserDeleteResponse,
  AuthUserGetRequest,
  AuthUserGetResponse,
  AuthUserGrantRoleRequest,
  AuthUserGrantRoleResponse,
  AuthUserListRequest,
  AuthUserListResponse,
  AuthUserRevokeRoleRequest,
  AuthUserRevokeRoleResponse,
  Permission,
  PERMISSION_TYPE,
  type PermissionType,
  UserAddOptions,
};
