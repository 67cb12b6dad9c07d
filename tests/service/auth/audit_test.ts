/** What is recorded of who does what. */
import { assert, assertEquals } from "@std/assert";
import { type AuditEntry, auditLine, describeCommand } from "../../../src/service/auth/audit.ts";
import { CLUSTER, GUEST_USER } from "../../../src/store/command/command.ts";
import { COMMANDS, put, range } from "../../store/commands.ts";
import { ANN_PASSWORD, login, memberWithUsers, token, write } from "./setting.ts";

const LOGIN = { action: "login", about: [], address: "" };
const ANN = { user: "ann", address: "192.0.2.7" };

Deno.test("logins and changes are recorded, allowed or not, and reads are not", async () => {
  const entries: AuditEntry[] = [];
  const member = await memberWithUsers(undefined, (entry) => entries.push(entry));
  entries.length = 0;
  await login(member, "ann", "wrong");
  const address = () => "192.0.2.7";
  const ann = { ...token(await login(member, "ann", ANN_PASSWORD)), address };
  await write(member, ann, put({ key: "a", value: "a secret" }));
  await write(member, ann, put({ key: "c" }));
  await write(member, token("nonsense"), put({ key: "a" }));
  await member.service.auth.read(() => ann, () => "read", () => "no", () => "failed");
  assertEquals(entries, [
    { ...LOGIN, user: "ann", refusal: "authenticationFailed" },
    { ...LOGIN, user: "ann", refusal: undefined },
    { ...ANN, action: "put", about: ["put a"], refusal: undefined },
    { ...ANN, action: "put", about: ["put c"], refusal: "permissionDenied" },
    { action: "put", about: ["put a"], user: "", address: "", refusal: "invalidToken" },
  ]);
});

Deno.test("a line has no value, no password, and a bound", () => {
  for (const command of COMMANDS) {
    const entry = {
      user: GUEST_USER,
      address: "",
      refusal: undefined,
      ...describeCommand(command),
    };
    const line = auditLine(entry, 0);
    assert(line.length < 16_000, `${line.length}`);
    assertEquals(line.indexOf("\n"), line.length - 1);
    for (const hidden of ["Hello", "$h", "$i", "bar"]) assert(!line.includes(hidden), line);
  }
  const all = { type: "txn", compares: [], success: [], failure: [] } as const;
  const many = { ...all, success: Array.from({ length: 100 }, () => range({ key: "k" })) };
  assertEquals(describeCommand(many).about.length, 16);
  assertEquals(
    auditLine(
      {
        user: "\xc3\xbc",
        address: "::1",
        action: "put",
        about: ["put a*"],
        refusal: undefined,
      },
      0,
    ),
    '{"time":"1970-01-01T00:00:00.000Z","user":"ü","address":"::1","action":"put","about":["put a*"],"allowed":true}\n',
  );
  const lineOf = (user: string, refusal: string | undefined) =>
    JSON.parse(auditLine({ user, address: "", action: "put", about: [], refusal }, 0));
  const common = { time: "1970-01-01T00:00:00.000Z", action: "put", about: [] };
  assertEquals(lineOf("ann", "permissionDenied"), {
    ...{ ...common, user: "ann", allowed: false },
    refusal: "permissionDenied",
  });
  assertEquals(lineOf(GUEST_USER, undefined), { ...common, user: "(guest)", allowed: true });
  assertEquals(lineOf(CLUSTER.user, undefined).user, "(cluster)");
});
