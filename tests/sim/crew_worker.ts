/** Runs its share of a campaign and reports: the other end of `crew.ts`. */
import { runCampaign } from "./campaign.ts";
import type { Order } from "./crew.ts";

/** What a dedicated worker has of its global scope, which the compiler takes for a window's. */
const scope = globalThis as unknown as Pick<Worker, "postMessage" | "onmessage">;

let isOver = false;

scope.onmessage = async ({ data }: MessageEvent<Order>) => {
  if (data.type === "end") isOver = true;
  else scope.postMessage(await runCampaign(data.options, () => isOver));
};
