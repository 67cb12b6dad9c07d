/** All that is fuzzed. */
import { boltFiles } from "./bolt_files.ts";
import { commands } from "./commands.ts";
import { credentials } from "./credentials.ts";
import { segments, snapshots } from "./files.ts";
import { flags } from "./flags.ts";
import { encodedForms, forms } from "./forms.ts";
import { handshakes } from "./handshakes.ts";
import { hpack, hpackLists } from "./hpack.ts";
import { http1 } from "./http1.ts";
import { http2 } from "./http2.ts";
import { images } from "./images.ts";
import { codec, frames } from "./messages.ts";
import { paths } from "./paths.ts";
import { requests } from "./requests.ts";
import type { Subject } from "./subject.ts";
import { v3Calls } from "./v3_calls.ts";
import { gatewayJson, grpcFrames, protobuf } from "./v3_messages.ts";

export const SUBJECTS: readonly Subject[] = [
  requests,
  http1,
  http2,
  hpack,
  hpackLists,
  forms,
  encodedForms,
  paths,
  frames,
  handshakes,
  codec,
  commands,
  images,
  segments,
  snapshots,
  boltFiles,
  flags,
  credentials,
  protobuf,
  gatewayJson,
  grpcFrames,
  v3Calls,
];
