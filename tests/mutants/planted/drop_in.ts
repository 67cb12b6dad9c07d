/** Planted bugs of flags, of forming a cluster and of the quota. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const FLAGS = "tests/shell/etcd_flags_test.ts";
const QUOTA = "tests/service/quota_test.ts";

export const DROP_IN_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/config/families.ts", FLAGS, [
    [
      "flags that ask for what is not there are ignored",
      "a promise that nobody keeps is refused",
      'else if (stance === "refuse" && settings.valueOf(row) !== row.initial) {',
      'else if (stance === "refuse" && settings.valueOf(row) === undefined) {',
    ],
    [
      "etcd's ports whatever else is said",
      "one of ours that places the node keeps our ports",
      'if (PLACING.some((name) => settings.familyOf(name) === "ours")) return false;',
      "",
    ],
  ]),
  ...mutantsOf("src/config/tls.ts", FLAGS, [
    [
      "a list of ciphers that nobody keeps to",
      "what the runtime always offers can't be left out",
      "  if (missing === undefined) return;\n",
      "  if (missing !== undefined) return;\n",
    ],
  ]),
  ...mutantsOf("src/config/command_line.ts", FLAGS, [
    [
      "of two names of a setting the last wins",
      "two spellings must agree",
      "before.label !== label && before.value !== value",
      "before.label === label && before.value !== value",
    ],
  ]),
  ...mutantsOf("src/service/quota.ts", QUOTA, [
    [
      "history raises the alarm",
      "nobody is locked out by history",
      "if (liveBytes > quotaBytes) {",
      "if (liveBytes + historyBytes > quotaBytes) {",
    ],
    [
      "the alarm is never taken back",
      "it goes by itself when there is room",
      'return { type: "alarm", action: "deactivate", ...raised };',
      "return undefined;",
    ],
    [
      "the alarm comes and goes with every key",
      "there must be some room before it is taken back",
      "const ROOM = 0.95;",
      "const ROOM = 1;",
    ],
    [
      "every member raises the alarm",
      "only the leader looks after the quota",
      "if (this.#isUnderWay || !this.#service.node.isLeader()) return;",
      "if (this.#isUnderWay) return;",
    ],
  ]),
];
