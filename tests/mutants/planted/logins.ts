/** Planted bugs of passwords and logins. */
import { type Mutant, mutantsOf } from "../mutant.ts";

const AUTHENTICATOR = "tests/service/auth/authenticator_test.ts";
const LOGINS = "tests/service/auth/logins_test.ts";
const PASSWORDS = "tests/service/auth/passwords_test.ts";

export const LOGIN_MUTANTS: readonly Mutant[] = [
  ...mutantsOf("src/service/auth/passwords.ts", PASSWORDS, [
    [
      "a hash that can't be computed ends the node",
      "no password ends a node, whatever its hash is",
      'throw new BusyError("The password can\'t be looked at, try again later", { cause });',
      "throw cause;",
      AUTHENTICATOR,
    ],
    [
      "who finds no place among those who wait is let in",
      "passwords are looked at a few at a time",
      "if (!await this.#turns.enter(place)) {",
      'if (!await this.#turns.enter(place) && place === "") {',
    ],
    [
      "a hash may ask for any amount of memory",
      "hashes from elsewhere are bounded",
      "if (logN > COST_MAX.logN || r > COST_MAX.r || p > COST_MAX.p) return undefined;",
      "",
    ],
  ]),
  ...mutantsOf("src/service/auth/turns.ts", PASSWORDS, [
    [
      "any number of passwords waits",
      "who waits is kept in bounded memory",
      "if (this.#waiting >= this.#waitingMax && !this.#makesRoomFor(line)) return waiting(false);",
      "",
    ],
    [
      "a place that has had its turn is the next again",
      "who sends thousands waits behind themselves",
      "      this.#lines.delete(place);\n      if (line.length > 0) this.#lines.set(place, line);",
      "      if (line.length === 0) this.#lines.delete(place);",
    ],
    [
      "one place takes all the room there is",
      "the longest line makes room",
      "!this.#makesRoomFor(line)) return",
      "true) return",
    ],
    [
      "a turn that is handed on counts as free",
      "no more work at once than may",
      "      return next(true);\n",
      "      next(true);\n      break;\n",
    ],
  ]),
  ...mutantsOf("src/service/auth/login_pace.ts", PASSWORDS, [
    [
      "a clock that is set back keeps users out",
      "a hundred tries are forgotten in a hundred seconds",
      "aheadMs > 0 && aheadMs <= TRIES * TRY_MS ? aheadMs : 0;",
      "Math.max(0, aheadMs);",
    ],
    [
      "whoever has a network of IPv6 has any number of places",
      "a network counts as one",
      'return start.split(":", 4).join(":");',
      "return start;",
    ],
    [
      "all of IPv4 is one place where IPv6 listens for it",
      "an address of IPv4 is a place, however it is written",
      'address.replace(/^::ffff:/i, "")',
      "address",
    ],
  ]),
  ...mutantsOf("src/service/auth/logins.ts", LOGINS, [
    [
      "passwords can be guessed as fast as one likes",
      "failed logins are slowed",
      'if (!this.#pace.take(who, nowMs)) return "tooManyLogins";',
      "",
    ],
    [
      "who guesses somewhere keeps everybody out",
      "a right password opens, whatever others send",
      "`${this.#nameOf(user)} ${place}`",
      "this.#nameOf(user)",
    ],
    [
      "each repetition of a wrong password is a guess",
      "clients with an old password keep nobody out",
      "if (nowMs < (this.#wrong.get(name) ?? 0)) {",
      "if (nowMs < 0) {",
    ],
    [
      "a wrong password that is sent by many at once is as many guesses",
      "clients with an old password keep nobody out",
      "return shared(this.#tries, name, async () => {",
      "return shared(new Map(), name, async () => {",
    ],
    [
      "a member tells which passwords others have sent",
      "what was wrong is remembered for its place alone",
      "const name = `${asked} ${place}`;",
      "const name = asked;",
    ],
    [
      "each of a crowd has the same password looked at",
      "a burst of logins takes the time of one",
      "shared(this.#looks, name, () =>",
      "shared(new Map(), name, () =>",
    ],
    [
      "who could not be looked at counts as a guesser",
      "only passwords that were wrong count",
      "this.#pace.giveBack(who);",
      "",
    ],
    [
      "who shares an address with those who mistype is kept out in the end",
      "a right password forgives the wrong ones of its place",
      "this.#pace.succeeded(who);",
      "",
    ],
    [
      "who is nobody costs nothing",
      "nobody can tell by the time which users there are",
      "nowMs < (this.#right.get(look.name) ?? 0) || await this.#look(look);",
      "nowMs < (this.#right.get(look.name) ?? 0) ||\n        look.hash !== undefined && await this.#look(look);",
    ],
    [
      "names and passwords of any length are looked at",
      "who waits is kept in bounded memory",
      "user.length > NAME_LENGTH_MAX || password.length > PASSWORD_LENGTH_MAX;",
      "user.length + password.length < 0;",
      AUTHENTICATOR,
    ],
    [
      "a password that nobody has proven counts as proven",
      "only the right password opens",
      "nowMs < (this.#right.get(look.name) ?? 0) ||",
      "nowMs < (this.#right.get(look.name) ?? Infinity) ||",
    ],
    [
      "a login is remembered for ever",
      "what is kept of a password is kept for minutes",
      "nowMs < (this.#right.get(look.name) ?? 0) ||",
      "0 < (this.#right.get(look.name) ?? 0) ||",
      AUTHENTICATOR,
    ],
    [
      "a password that was proven opens for ever",
      "another password ends what was proven",
      "auth.user(proven.user)?.revision === proven.revision ? proven.user : undefined",
      "proven.user",
      AUTHENTICATOR,
    ],
  ]),
];
