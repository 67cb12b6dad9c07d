/** Pauses of a page that stays open for days. */
import { assertEquals } from "@std/assert";
import { pause } from "../../src/dashboard/ui/pause.ts";

Deno.test("pause() ends with its signal, and leaves no listener there when its time is over", async () => {
  const ended = new AbortController();
  const { signal } = ended;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  await pause(0, signal);
  assertEquals(listeners, 0);
  const long = pause(1_000_000, signal);
  ended.abort();
  await long;
  await pause(1_000_000, signal);
});
