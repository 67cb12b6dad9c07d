/** Which API's form a fault takes, by the path that it is told to. */
import { type FaultForm, renderByPath, type RenderFault } from "../http/fault.ts";
import { renderPlainly } from "./fault_form.ts";
import { renderFault } from "./v1/fault.ts";
import { V2_FAULTS } from "./v2/v2.ts";
import { V3_FAULTS } from "./v3/gateway/gateway.ts";

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
