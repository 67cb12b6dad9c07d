import { assertEquals, assertThrows } from "@std/assert";
import { PemError, readPem, writePem } from "../../src/http/pem.ts";

const FIRST = writePem("CERTIFICATE", new Uint8Array(70).fill(1));
const SECOND = writePem("CERTIFICATE", new Uint8Array(50).fill(2));

function textsOf(file: string): string[] {
  return readPem(file).map(({ text }) => text);
}

Deno.test("readPem() finds blocks however they are laid out", () => {
  const layouts = {
    "as written": FIRST + SECOND,
    "a byte order mark": `\uFEFF${FIRST}${SECOND}`,
    "text in front of BEGIN on its line": `subject: ${FIRST}issuer: ${SECOND}`,
    "glued by a missing line end": FIRST.trimEnd() + SECOND,
    "Windows line ends": (FIRST + SECOND).replaceAll("\n", "\r\n"),
    "indented": (FIRST + SECOND).replace(/^/gm, "    "),
    "spaces instead of line ends": (FIRST + SECOND).replaceAll("\n", " "),
    "text between": `Bag Attributes\n${FIRST}# ENCRYPTED? no\n${SECOND}the end`,
    "the first label of OpenSSL": (FIRST + SECOND).replaceAll(" CERT", " X509 CERT"),
  };
  for (const [layout, file] of Object.entries(layouts)) {
    assertEquals(textsOf(file), [FIRST, SECOND], layout);
  }
});

Deno.test("readPem() leaves the headers of the older form out", () => {
  const headed = FIRST.replace("\n", "\nComment: two\n lines\nX-Other: one\n\n");
  assertEquals(textsOf(headed), [FIRST]);
});

Deno.test("readPem() calls a block encrypted by its label or header, not by a comment", () => {
  const key = writePem("RSA PRIVATE KEY", new Uint8Array(40));
  const header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n";
  const files = [
    `# not ENCRYPTED\n${key}`,
    key.replace("\n", `\n${header}`),
    key.replaceAll("RSA", "ENCRYPTED"),
  ];
  assertEquals(files.flatMap(readPem).map(({ isEncrypted }) => isEncrypted), [false, true, true]);
});

Deno.test("readPem() refuses a block that is cut off or damaged, whatever stands beside it", () => {
  const damaged = [
    FIRST.slice(0, -6),
    SECOND.slice(0, 60),
    SECOND.slice(40),
    SECOND.replace("END CERT", "END OTHER CERT"),
    SECOND.replace("AgIC", "Ag!C"),
    SECOND.replace("AgIC", "AgI"),
    SECOND.replaceAll("\n", "\\n"),
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
  ];
  for (const block of damaged) {
    assertThrows(() => readPem(FIRST + block), PemError, "Expected", block);
    assertThrows(() => readPem(block + FIRST), PemError, "Expected", block);
  }
});
