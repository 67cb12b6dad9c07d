/** Planted bugs of users, roles and permissions. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const AUTH = "tests/store/auth";

export const AUTH_MUTANTS: readonly Mutant[] = [
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
      ' && (!endsBelow || coversBelow(rights, "write", key));',
      ";",
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
];
