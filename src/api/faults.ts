/** Which API's form a fault takes, by the path that it is told to. */
import { type FaultForm, renderByPath, type RenderFault } from "../http/fault.ts";
import { renderPlainly } from "./fault_form.ts";
import { renderFault } from "./v1/fault.ts";
import { V2_FAULTS } from "./v2/v2.ts";
import { V3_FAULTS } from "./v3/gateway/gateway.ts";
import { renderUnknown } from "./v3/gateway/shared.ts";

const FORMS: readonly FaultForm[] = [
  { prefix: "/admin/", render: renderPlainly },
  { prefix: "/peer/", render: renderPlainly },
  ...V2_FAULTS,
  ...V3_FAULTS,
];

/**
 * For a port that has `others` beside the APIs. What belongs to none has the form of
 * v1, which was there first; so has what never became a request.
 */
export function faultRenderer(others: readonly FaultForm[] = []): RenderFault {
  return renderByPath([...FORMS, ...others], renderFault);
}

/** The same for the port where etcd's clients are served: what belongs to none has etcd's form. */
export function etcdFaultRenderer(others: readonly FaultForm[] = []): RenderFault {
  const v1 = { prefix: "/v1/", render: renderFault };
  return renderByPath([...FORMS, v1, ...others], renderUnknown);
}
