/** Planted bugs of users, roles and permissions. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const AUTH = "tests/store/auth";
const SERVICE = "tests/service/auth";
const V3 = "tests/api/v3/auth_test.ts";
const DOORS = "tests/api/auth_test.ts";

export const AUTH_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/service/auth/passwords.ts", `${SERVICE}/bcrypt_test.ts`, [
    [
      "the hash that is for etcd opens the door here, too",
      "a password is proven by scrypt, unless there is nothing but bcrypt's",
      "if (hash !== undefined && isBcrypt(hash)) return await verifyByBcrypt(password, hash);",
      "if (hash !== undefined && bcryptOf(hash) !== undefined) {\n        return await verifyByBcrypt(password, bcryptOf(hash)!);\n      }",
    ],
  ]),
  ...mutantsOf("src/service/auth/bcrypt/bcrypt.ts", `${SERVICE}/bcrypt_test.ts`, [
    [
      "a hash may ask for any work",
      "no hash stops the member",
      "cost >= COST_MIN && cost <= COST_MAX",
      "cost >= COST_MIN",
    ],
    [
      "two passwords have one hash",
      "no hash is made that others fit, too",
      "if (bytes.length >= KEY_BYTES_MAX || bytes.includes(0)) return undefined;",
      "",
    ],
  ]),
  ...mutantsOf("src/store/auth/judge.ts", AUTH, [
    [
      "a command is not judged again when users have changed",
      "who was judged under older users and roles is told so",
      "if (requester.authRevision !== auth.revision) return",
      "if (requester.authRevision > auth.revision) return",
    ],
    [
      "operations of a nested transaction are not judged",
      "transactions are judged at any depth (CVE-2026-33343)",
      "txn.success.every((inner) => mayOperate(rights, keys, inner)) &&",
      'txn.success.every((inner) => inner.type === "txn" || mayOperate(rights, keys, inner)) &&',
    ],
    [
      "the branch that fails is not judged",
      "both branches of a transaction are judged",
      " &&\n    txn.failure.every((inner) => mayOperate(rights, keys, inner));",
      ";",
    ],
    [
      "a condition reads what its asker may not",
      "a compare needs to read its range",
      "txn.compares.every((compare) => mayCompare(rights, compare)) &&\n    ",
      "",
    ],
    [
      "a put shows the value before to who may not read it",
      "prev_kv needs to read (CVE-2026-33343)",
      'rights.has("write", key) && (!wantsPrevious || rights.has("read", key)) &&',
      'rights.has("write", key) &&',
    ],
    [
      "a delete shows the values before to who may not read them",
      "prev_kv needs to read",
      ' &&\n        (!operation.wantsPrevious || rights.covers("read", range));',
      ";",
    ],
    [
      "a key is hung on a lease whose keys are others'",
      "a put with a lease needs to write all its keys (CVE-2026-33413)",
      "(lease === 0n || mayEndLease(rights, keys.lease(lease)));",
      "true;",
    ],
    [
      "anybody ends any lease",
      "a revocation needs to write all keys of the lease",
      "return mayEndLease(rights, keys.lease(command.id));",
      "return true;",
    ],
    [
      "anybody compacts",
      "compactions, alarms and users are root's",
      '    case "compact":\n    case "alarm":',
      '    case "compact":\n      return true;\n    case "alarm":',
    ],
    [
      "a client's compaction passes for the cluster's",
      "only what no client can ask for is the cluster's",
      "return command.changeIndex !== 0;",
      "return true;",
    ],
    [
      "a client's revocation passes for the end of a lease",
      "only what no client can ask for is the cluster's",
      "return command.grantIndex !== 0;",
      "return true;",
    ],
    [
      "a directory gets an end that takes all below with it",
      "what ends everything below needs to write it",
      'if (endsBelow && !coversBelow(rights, "write", key)) return false;',
      "",
    ],
    [
      "a request that does not call it a directory gives one an end",
      "what is there decides what is needed, not what the request calls it",
      "!keys.hasKey(key) && (isDirectory || keys.hasDirectory(key))",
      "!keys.hasKey(key) && isDirectory",
    ],
    [
      "a file is replaced by who may write all that is below",
      "what is there decides what is needed, not what the request calls it",
      "!keys.hasKey(key) && (isDirectory || keys.hasDirectory(key))",
      "isDirectory || !keys.hasKey(key) && keys.hasDirectory(key)",
    ],
    [
      "a recursive delete needs the directory alone",
      "a recursive delete needs to write all that is below",
      ' && (!recursive || coversBelow(rights, "write", key));',
      ";",
    ],
    [
      "a comparison of v1 tells the value to who may not read it",
      "a comparison needs to read",
      '(command.prevValue === undefined || rights.has("read", command.key));',
      "true;",
    ],
  ]),
  ...mutantsOf("src/store/auth/range_set.ts", AUTH, [
    [
      "a range is judged by its beginning",
      "a range must lie in the union of the permissions",
      "return end !== undefined && end <= range.end;",
      "return end !== undefined;",
    ],
    [
      "ranges that touch are not joined",
      "a range must lie in the union of the permissions",
      "last.end < range.start) {",
      "last.end <= range.start) {",
    ],
    [
      "a range within another cuts it short",
      "a range must lie in the union of the permissions",
      " && (range.end === undefined || range.end > last.end)) {",
      ") {",
    ],
  ]),
  ...mutantsOf("src/store/auth/auth.ts", AUTH, [
    [
      "root can be deleted",
      "user and role root stay while authentication is on",
      'if (this.isEnabled && name === ROOT_NAME) return "invalidAuthManagement";\n    if (!this.#users',
      "if (!this.#users",
    ],
    [
      "root can lose its role",
      "user and role root stay while authentication is on",
      "if (this.isEnabled && name === ROOT_NAME && role === ROOT_NAME) return",
      'if (name === "") return',
    ],
    [
      "permissions of before are remembered",
      "a change counts for the next command",
      "    this.#rights.clear();\n",
      "",
    ],
    [
      "half of several changes is made",
      "several changes are made together or not at all",
      "const draft = Auth.of(this.content());",
      "const draft: Auth = this;",
    ],
    [
      "tokens live on after a change of the password",
      "a user has the revision of the last change",
      "this.#users.set(user.name, { ...user, revision: this.revision });\n  }\n\n  #commit",
      "this.#users.set(user.name, { ...user, revision: 1 });\n  }\n\n  #commit",
    ],
    [
      "a deleted role leaves its users' tokens alive",
      "a user has the revision of the last change of the roles",
      "{ ...user, roles, revision: this.revision }",
      "{ ...user, roles }",
    ],
  ]),
  ...mutantsOf("src/store/store.ts", AUTH, [
    [
      "no command is judged when it is applied",
      "apply judges again",
      'if (refusal !== undefined) return reject(refusal, "", change);',
      "",
    ],
    [
      "a refused set moves v1's index",
      "what is refused is as if it had not been asked",
      "if (isRefused(result)) return false;",
      "",
    ],
  ]),
  ...mutantsOf("src/service/auth/gate.ts", SERVICE, [
    [
      "a command is not judged before it is proposed",
      "a refused write costs no entry of the log",
      "rights !== undefined && mayApply(rights, this.#store, command)",
      "rights !== undefined",
    ],
    [
      "a no is said by a member that is behind",
      "a no is said only when all that was acknowledged is known",
      "if (this.#problemOf(who, isAllowed) === undefined) return tell(undefined);",
      "return tell(this.#problemOf(who, isAllowed));",
    ],
    [
      "a write that is asked for once more has another value",
      "a write has the value that it came with",
      "const kept = decodeCommand(encodeCommand(command)).command;",
      "const kept = command;",
    ],
    [
      "a write that users changed under is given up",
      "who was judged by older users is judged again",
      "if (triesLeft > 0 && wasJudgedByOld(answer))",
      "if (triesLeft < 0 && wasJudgedByOld(answer))",
    ],
    [
      "a watch outlives the permission",
      "a watch that loses its permission ends",
      'if (!mayWatch(this.#rightsFor(requester), view)) onDenied("permissionDenied");',
      "",
    ],
    [
      "a watch of nobody outlives the switch",
      "a watch that was open before authentication came on is judged",
      'if (typeof requester === "string") return onDenied(requester);',
      'if (typeof requester === "string") return;',
    ],
  ]),
  ...mutantsOf("src/service/auth/authenticator.ts", SERVICE, [
    [
      "who says nothing is the guest everywhere",
      "v3 has no guests",
      'case "nobody":\n        return "userNameEmpty";',
      'case "nobody":',
    ],
    [
      "a token is as old as the newest entry",
      "a login lasts as long as it should, whatever reads are judged by",
      "const nowMs = this.#service.node.nowMs();\n    // Of now",
      "const nowMs = this.#store.timeMs;\n    // Of now",
    ],
  ]),
  ...mutantsOf("src/service/auth/tokens.ts", SERVICE, [
    [
      "a token outlives its user's password",
      "a token is dead when its user's password has changed",
      "const isSame = claims.revision >= user.revision ||",
      "const isSame = claims.revision > 0 ||",
    ],
    [
      "a token ends with its user's roles",
      "who gets or loses a role is not logged out",
      "claims.passwordMark === markOf(user.passwordHash, auth.secret)",
      'claims.passwordMark === ""',
    ],
  ]),
  ...mutantsOf("src/service/auth/simple_tokens.ts", SERVICE, [
    [
      "the signature of a token is not looked at",
      "nobody makes a token without the cluster's secret",
      "if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;",
      "",
    ],
    [
      "tokens live for ever",
      "a token is good for its lifetime",
      "if (ageMs > this.#ttlMs || ageMs < -this.#ttlMs) return undefined;",
      "if (ageMs < -this.#ttlMs) return undefined;",
    ],
    [
      "tokens in use outlive the secret",
      "another secret ends all tokens",
      "if (Buffer.compare(secret, this.#secret) !== 0) this.#used.clear();",
      "",
    ],
    [
      "an empty secret signs tokens",
      "without a secret there are no tokens",
      "found === null || secret.length === 0",
      "found === null",
    ],
  ]),
  ...mutantsOf("src/service/auth/jwt.ts", SERVICE, [
    [
      "a public key is taken for a secret",
      "nobody makes a JWT without the key",
      "function hmacOf({ method, privateKey: secret }: JwtOptions): Signer {",
      "function hmacOf({ method, privateKey, publicKey: secret = privateKey }: JwtOptions): Signer {",
    ],
    [
      "tokens are signed by one pair and checked by another",
      "a member takes the tokens that it gives",
      "if (own !== undefined && !createPublicKey(own).equals(others)) {",
      "if (own === others) {",
    ],
    [
      "a JWT chooses its own method",
      "the method is the member's to choose (RFC 8725 3.1)",
      "header?.alg !== this.#method || header.crit !== undefined",
      "header === undefined || header.crit !== undefined",
    ],
    [
      "the signature of a JWT is not looked at",
      "nobody makes a JWT without the key",
      'Buffer.from(signature, "base64url"))) {\n      return undefined;',
      'Buffer.from(signature, "base64url"))) {\n      if (signature === "") return undefined;',
    ],
    [
      "a JWT lives for ever",
      "exp ends a JWT",
      "checked !== undefined && nowMs < checked.expiresMs",
      "checked !== undefined",
    ],
    [
      "a JWT is dead before its time",
      "it lives as long as was said",
      "const exp = Math.ceil(",
      "const exp = Math.floor(",
    ],
    [
      "a JWT counts before its time",
      "nbf is heeded",
      'typeof nbf !== "number" || nowMs < nbf * 1000',
      'typeof nbf !== "number"',
    ],
    [
      "a short key signs JWTs",
      "a key of RSA has 2048 bits",
      'type === "rsa" && (details?.modulusLength ?? 0) >= RSA_BITS_MIN',
      'type === "rsa"',
    ],
  ]),
  ...mutantsOf("src/api/v3/waist.ts", V3, [
    [
      "a serializable read asks nobody",
      "every read is judged",
      "if (!needs(rights, store)) return call.fail(STATUS.permissionDenied);",
      "",
    ],
  ]),
  ...mutantsOf("src/api/v3/watch/watch_stream.ts", V3, [
    [
      "anybody watches anything",
      "a watch needs to read its range",
      "(rights) => mayWatch(rights, viewOf(request)),",
      "() => true,",
    ],
  ]),
  ...mutantsOf("src/api/v3/lease.ts", V3, [
    [
      "anybody keeps any lease alive",
      "a renewal needs to write the lease's keys (CVE-2026-33413)",
      "mayEndLease(rights, store.lease(id));",
      "store !== undefined;",
    ],
    [
      "anybody sees the keys of any lease",
      "names of keys are told to who may read them",
      "if (!keys || remainingMs < 0) {",
      "if (id !== 0n) {",
    ],
    [
      "leases of others are listed",
      "a lease is listed for who may read its keys",
      ".filter(({ id }) => mayReadLease(rights, store.lease(id)));",
      ";",
    ],
  ]),
  ...mutantsOf("src/api/v2/auth/plans.ts", "tests/api/v2_auth_test.ts", [
    [
      "permissions without patterns are permissions",
      "etcdctl of v2 grants and revokes",
      "if (!isEmpty(permissions) && isUpdate) {",
      "if (permissions !== undefined && isUpdate) {",
    ],
  ]),
  ...mutantsOf("src/api/v3/guard.ts", V3, [
    [
      "root's methods are everybody's",
      "what root alone may call is looked at first",
      "return ({ isRoot }) => isRoot;",
      "return () => true;",
    ],
    [
      "anybody is told the members",
      "who has not logged in is told nothing, unless guests are let in",
      "view.role(GUEST_ROLE) !== undefined;",
      "view.isEnabled;",
    ],
  ]),
  ...mutantsOf("src/api/access.ts", DOORS, [
    [
      "a path that nobody thought of is open",
      "what is in no rule is root's",
      'return reads && OPEN.some((pattern) => pattern.test(path)) ? "open" : "root";',
      'return reads ? "open" : "root";',
    ],
    [
      "what is root's is everybody's",
      "root's routes are behind a check",
      "({ isRoot }) => isRoot,",
      "() => true,",
    ],
  ]),
  ...mutantsOf("src/api/v1/keys.ts", DOORS, [
    [
      "v1 shows any key",
      "a key is there for who may read it",
      'if (!maySee(rights, bytes, found?.isDirectory ?? true)) return problemReply("permissionDenied");',
      "",
    ],
    [
      "v1 lists what may not be read",
      "a listing has what its reader may see",
      "seenOf(rights, bytes, store.list(bytes, nowMs));",
      "store.list(bytes, nowMs);",
    ],
  ]),
  ...mutantsOf("src/api/v1/watch.ts", DOORS, [
    [
      "v1 lets anybody watch",
      "a watch begins for who may see all of it",
      "(rights) => mayWatch(rights, viewOf(path)),",
      "() => true,",
    ],
  ]),
  ...mutantsOf("src/api/v2/keys.ts", DOORS, [
    [
      "v2 judges a path without the slash that was sent",
      "a path counts as it was sent",
      "mayAskFor(access, sentKey(key, exchange), key, parameters.recursive)",
      "mayAskFor(access, key, key, parameters.recursive)",
    ],
    [
      "v2 asks for no prefix where all that is below is asked for",
      "recursive requests need all that is below",
      "rights.has(access, sent) && (!recursive || coversBelow(rights, access, key));",
      "rights.has(access, sent);",
    ],
  ]),
  ...mutantsOf("src/store/auth/auth.ts", "sim", [
    [
      "a token outlives a role that is deleted",
      "a token is dead when its user has changed",
      "this.#users.set(user.name, { ...user, roles, revision: this.revision });",
      "this.#users.set(user.name, { ...user, roles });",
    ],
  ]),
  ...mutantsOf("src/store/auth/content.ts", "sim", [
    [
      "an image forgets a role",
      "users and roles are the same after a snapshot",
      "roles: readNamed(reader, readRole),",
      "roles: readNamed(reader, readRole).slice(1),",
    ],
  ]),
  ...mutantsOf("src/store/store.ts", "sim", [
    [
      "nobody is told of the users that a snapshot brings",
      "a watch ends with its permission, however the member learns of it",
      "    this.watches.afterRestore(reached);\n    this.#tellAuthChange();",
      "    this.watches.afterRestore(reached);",
    ],
  ]),
  ...mutantsOf("src/service/auth/gate.ts", `${SERVICE}/gate_test.ts`, [
    [
      "a right password is refused when its user changes while it is looked at",
      "who has the password of now is let in",
      "this.read(who, serve, refuse, fail, triesLeft - 1)",
      "this.read(who, serve, refuse, fail, 0)",
    ],
    [
      "a right password is refused while authentication is switched on",
      "a password is looked at by the users of now before it is refused",
      "triesLeft = TRIES_MAX,",
      "triesLeft = this.isOn ? TRIES_MAX : 0,",
    ],
    [
      "somebody is turned away by a member that is behind",
      "a no is said only by who knows all that was acknowledged",
      "this.#judgeAgain(write, TRIES_MAX);",
      "write.done(rejected(requester, this.#service.changeIndex));",
      "sim",
    ],
  ]),
  ...mutantsOf("src/service/auth/simple_tokens.ts", `${SERVICE}/tokens_test.ts`, [
    [
      "a token of a restored copy opens the cluster that it was copied from",
      "a token is good in its own cluster alone",
      "`${this.#clusterId}.${text}`",
      "text",
    ],
  ]),
  ...mutantsOf("src/api/v2/watch.ts", DOORS, [
    [
      "a watch of a directory tells what a file in its place was",
      "who may see a directory sees no file that was there before it",
      "!event.isDirectory || (event.before?.version ?? 0) > 0",
      "!event.isDirectory",
    ],
  ]),
  ...mutantsOf("src/api/who.ts", DOORS, [
    [
      "an empty header is a wrong password",
      "who says nothing in the header is a guest, as in etcd",
      "if (header) return",
      "if (header !== undefined) return",
    ],
  ]),
  ...mutantsOf("src/dashboard/keys.ts", "tests/dashboard/users_test.ts", [
    [
      "a listing ends where nothing of a page may be seen",
      "who may read a key finds it in the listing",
      "if (last === undefined) return;\n    from",
      "if (last === undefined || !page.some((child) => mayBeListed(rights, child))) return;\n    from",
    ],
    [
      "the dashboard shows any key",
      "the page shows what its user may see",
      "if (!isReserved(key) && !mayEnter(rights, store, byteStringOf(key))) {",
      'if (key === "") {',
    ],
  ]),
  ...mutantsOf("src/dashboard/keys.ts", "tests/dashboard/keys_test.ts", [
    [
      "the page is told the time that reads are judged by",
      "the page counts down by the cluster's time",
      "nowMs: service.node.nowMs() };",
      "nowMs };",
    ],
  ]),
  ...mutantsOf("src/dashboard/flat.ts", "tests/dashboard/flat_test.ts", [
    [
      "the list of all keys shows what nobody may read",
      "the page shows what its user may see",
      'of rights.within("read", range))',
      "of [range])",
    ],
    [
      "a page of all keys is as long as its values are",
      "values of a megabyte cost no more than is looked at",
      " || bytes >= VALUE_BYTES_MAX",
      "",
    ],
    [
      "the list of all keys shows any one of them",
      "the page shows what its user may see",
      'if (!rights.has("read", key)) return problemReply("permissionDenied");',
      "",
    ],
  ]),
  ...mutantsOf("src/dashboard/events.ts", "tests/dashboard/users_test.ts", [
    [
      "the dashboard tells any event",
      "the page tells what its user may read",
      'past.filter(({ key }) => rights.has("read", key));\n    const events',
      "past;\n    const events",
    ],
  ]),
  ...mutantsOf("src/dashboard/users.ts", "tests/dashboard/users_test.ts", [
    [
      "anybody sees users and roles",
      "users and roles are root's",
      'isRoot ? serve(auth) : problemReply("permissionDenied"),',
      'isRoot || true ? serve(auth) : problemReply("permissionDenied"),',
    ],
  ]),
];
