import { assert, assertEquals } from "@std/assert";
import { CallSlots } from "../../../src/api/v3/gateway/call_slots.ts";

const STAYS = () => {};

Deno.test("CallSlots lets as many calls begin as there is room for, the others in their order", async () => {
  const slots = new CallSlots(2);
  const [first, second] = [await slots.enter(STAYS), await slots.enter(STAYS)];
  const begun: number[] = [];
  const waiting = [3, 4, 5].map((name) =>
    slots.enter(STAYS).then((leave) => {
      begun.push(name);
      return leave;
    })
  );
  await Promise.resolve();
  assertEquals(begun, []);
  first!();
  first!();
  const third = await waiting[0];
  assertEquals(begun, [3], "one place was given back, once");
  second!();
  third!();
  await Promise.all(waiting);
  assertEquals(begun, [3, 4, 5]);
});

Deno.test("CallSlots gives no place to a client that left while it waited", async () => {
  const slots = new CallSlots(1);
  const leave = await slots.enter(STAYS);
  let gone = () => {};
  const left = slots.enter((callback) => gone = callback);
  const stayed = slots.enter(STAYS);
  gone();
  assertEquals(await left, undefined);
  leave!();
  assert(await stayed !== undefined);
});
