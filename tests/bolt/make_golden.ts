/** Writes `fixtures/etcd/written.snap`; see the README there. */
import { planEtcdSnapshot } from "../../src/bolt/etcd_writer.ts";
import { ROOT } from "../tidy/source.ts";
import { GOLDEN } from "./golden.ts";
import { joined, pause } from "./harness.ts";

const plan = await planEtcdSnapshot(GOLDEN, pause);
await Deno.writeFile(`${ROOT}fixtures/etcd/written.snap`, await joined(plan.portions()));
