/** What gRPC says in text. */
import { assertEquals } from "@std/assert";
import {
  decodeStatusMessage,
  encodeStatusMessage,
  isGrpcContentType,
  parseTimeoutMs,
  StatusCode,
  statusName,
} from "../../../src/api/v3/status.ts";

Deno.test("statusName() is Go's name of a code", () => {
  const names = [StatusCode.ok, StatusCode.permissionDenied, StatusCode.outOfRange].map(statusName);
  assertEquals(names, ["OK", "PermissionDenied", "OutOfRange"]);
});

Deno.test("encodeStatusMessage() leaves printable ASCII as it is, and encodes all else", () => {
  const plain = "etcdserver: mvcc: required revision is a future revision ~ !";
  assertEquals(encodeStatusMessage(plain), plain);
  assertEquals(encodeStatusMessage("100% é\n"), "100%25 %C3%A9%0A");
  assertEquals(encodeStatusMessage("\u007f\r"), "%7F%0D");
});

Deno.test("decodeStatusMessage() undoes it, and takes what is not encoded properly as it is", () => {
  for (const text of ["", "plain", "100% é\n☃", "%"]) {
    assertEquals(decodeStatusMessage(encodeStatusMessage(text)), text);
  }
  assertEquals(decodeStatusMessage("50% %zz %4 %41"), "50% %zz %4 A");
});

Deno.test("parseTimeoutMs() reads every unit", () => {
  const read = ["1H", "2M", "3S", "4m", "5000u", "6000000n", "00000001S"].map(parseTimeoutMs);
  assertEquals(read, [3_600_000, 120_000, 3_000, 4, 5, 6, 1_000]);
});

Deno.test("parseTimeoutMs() refuses what is no timeout", () => {
  for (const text of ["", "S", "5", "-5S", "5s", "1.5S", "123456789S", " 5S", "5S "]) {
    assertEquals(parseTimeoutMs(text), undefined, text);
  }
});

Deno.test("isGrpcContentType() knows protobuf over gRPC from all else", () => {
  const yes = ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"];
  assertEquals(yes.map(isGrpcContentType), [true, true, true]);
  const no = [undefined, "application/json", "application/grpc-web", "application/grpc+json"];
  assertEquals(no.map(isGrpcContentType), [false, false, false, false]);
});
