/** What the other tests rely on in `fixtures/ca/`. */
import { assert, assertEquals } from "@std/assert";
import { createPrivateKey, X509Certificate } from "node:crypto";

const FIXTURES = new URL("../../fixtures/ca/", import.meta.url).pathname;

function fixture(name: string): X509Certificate {
  return new X509Certificate(Deno.readTextFileSync(`${FIXTURES}${name}.crt`));
}

Deno.test("fixtures/ca has a certificate for every role", () => {
  const ca = fixture("ca");
  assert(ca.ca);
  for (const name of ["server", "server2", "server3"]) {
    const pair = fixture(name);
    assert(pair.checkIssued(ca) && pair.verify(ca.publicKey), name);
    assert(pair.checkHost("localhost") && pair.checkIP("127.0.0.1") && pair.checkIP("::1"), name);
    assertEquals(pair.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  }
  assert(fixture("client").checkIssued(ca));
  assertEquals(fixture("other-host").checkHost("localhost"), undefined);
});

Deno.test("fixtures/ca is valid for a hundred years, but for what is meant to be wrong", () => {
  for (const name of ["ca", "server", "server2", "server3", "client", "foreign-client"]) {
    const { validFromDate, validToDate } = fixture(name);
    assertEquals([validFromDate.getUTCFullYear(), validToDate.getUTCFullYear()], [2025, 2124]);
  }
  assertEquals(fixture("expired").validToDate.getUTCFullYear(), 2025);
  assert(fixture("expired").checkIssued(fixture("ca")));
  assert(!fixture("foreign-client").checkIssued(fixture("ca")));
  assert(fixture("foreign-client").checkIssued(fixture("foreign-ca")));
  assert(!fixture("v1-ca").ca);
  assert(!fixture("not-ca").ca);
});

Deno.test("fixtures/ca has the key of every pair", () => {
  for (const entry of Deno.readDirSync(FIXTURES)) {
    if (!entry.name.endsWith(".key.insecure")) continue;
    const key = createPrivateKey(Deno.readTextFileSync(FIXTURES + entry.name));
    assert(fixture(entry.name.replace(".key.insecure", "")).checkPrivateKey(key), entry.name);
  }
});
