/** Whom a member dials, and where, by the log and by what callers say. */
import { assertEquals } from "@std/assert";
import { Contacts } from "../../src/member/contacts.ts";
import type { Member } from "../../src/raft/types.ts";
import type { Peer } from "../../src/transport/peer_link.ts";

function makeContacts() {
  const heard = new Set<number>();
  const refused = new Set<number>();
  const dialled: (readonly Peer[])[] = [];
  const contacts = new Contacts({
    strangersMax: 2,
    isRefused: (id) => refused.has(id),
    isHeard: (id) => heard.has(id),
    setPeers: (peers) => dialled.push(peers),
  });
  /** What is dialled now: `1=http://a+http://b`. */
  const now = () =>
    dialled.at(-1)!.map(({ id, url, otherUrls = [] }) => `${id}=${[url, ...otherUrls]}`);
  return { contacts, heard, refused, dialled, now };
}

const member = (id: number, ...peerUrls: string[]): Member => ({
  ...{ id, name: `m${id}`, peerUrls, clientUrls: [], voter: true },
});
const call = (from: number, url: string) => ({ from, url, session: 1 });

Deno.test("Contacts answers strangers up to a number, the newest ones", () => {
  const { contacts, now } = makeContacts();
  contacts.membersAre([member(1, "a")]);
  for (const id of [7, 8, 9]) contacts.called(call(id, `x${id}`));
  assertEquals(now(), ["1=a", "8=x8", "9=x9"]);
  // A member's own word takes nobody's place.
  contacts.called(call(1, "b"));
  assertEquals(now(), ["1=b,a", "8=x8", "9=x9"]);
});

Deno.test("Contacts dials who announced another address there, and tells of the move once it is heard", () => {
  const { contacts, heard, dialled, now } = makeContacts();
  contacts.membersAre([member(1, "a", "aa"), member(2, "c")]);
  contacts.called(call(1, "b"));
  assertEquals(now(), ["1=b,a,aa", "2=c"]);
  assertEquals(contacts.moved(), []);
  heard.add(1);
  assertEquals(contacts.moved(), [{ id: 1, url: "b" }]);
  const count = dialled.length;
  contacts.called(call(1, "b"));
  contacts.called(call(2, "c"));
  contacts.found({ id: 1, url: "d" });
  assertEquals(dialled.length, count, "nothing is new");
  contacts.found({ id: 2, url: "d" });
  assertEquals(now(), ["1=b,a,aa", "2=d,c"]);
  // The record is followed by whoever is not heard, and by nobody who is.
  contacts.membersAre([member(1, "e"), member(2, "f")]);
  assertEquals(now(), ["1=b,e", "2=f"]);
});

Deno.test("Contacts leaves out who has left, and whom the node refuses", () => {
  const { contacts, refused, now } = makeContacts();
  contacts.membersAre([member(1, "a"), member(2, "c")]);
  contacts.called(call(2, "d"));
  contacts.called(call(3, "x"));
  refused.add(3);
  contacts.membersAre([member(1, "a")]);
  assertEquals(now(), ["1=a"]);
});
