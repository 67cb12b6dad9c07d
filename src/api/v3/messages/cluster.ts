/** The messages of the Cluster service: etcd's `rpc.proto`, 3.0 to 3.6. */
import { header, type ResponseHeader } from "./kv.ts";
import { bool, message, type MessageType, repeated, string, sub, unsignedId } from "./table.ts";

interface Member {
  readonly id: bigint;
  /** Empty until the member has started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

interface MemberAddRequest {
  readonly peerUrls: readonly string[];
  readonly isLearner: boolean;
}

interface MemberAddResponse {
  readonly header: ResponseHeader | undefined;
  readonly member: Member | undefined;
  readonly members: readonly Member[];
}

interface MemberRemoveRequest {
  readonly id: bigint;
}

/** All members, after what was asked for. */
interface MembersResponse {
  readonly header: ResponseHeader | undefined;
  readonly members: readonly Member[];
}

type MemberRemoveResponse = MembersResponse;

interface MemberUpdateRequest {
  readonly id: bigint;
  readonly peerUrls: readonly string[];
}

type MemberUpdateResponse = MembersResponse;

interface MemberListRequest {
  /** Since 3.5: ask a quorum first. Older clients leave it out. */
  readonly linearizable: boolean;
}

type MemberListResponse = MembersResponse;

interface MemberPromoteRequest {
  readonly id: bigint;
}

type MemberPromoteResponse = MembersResponse;

const Member = message<Member>("Member", {
  id: unsignedId(1, "ID"),
  name: string(2),
  peerUrls: repeated(string(3, "peerURLs")),
  clientUrls: repeated(string(4, "clientURLs")),
  isLearner: bool(5),
});

const MemberAddRequest = message<MemberAddRequest>("MemberAddRequest", {
  peerUrls: repeated(string(1, "peerURLs")),
  isLearner: bool(2),
});

const MemberAddResponse = message<MemberAddResponse>("MemberAddResponse", {
  header,
  member: sub(2, () => Member),
  members: repeated(sub(3, () => Member)),
});

const membersResponse = (name: string): MessageType<MembersResponse> =>
  message<MembersResponse>(name, { header, members: repeated(sub(2, () => Member)) });

const MemberRemoveRequest = message<MemberRemoveRequest>("MemberRemoveRequest", {
  id: unsignedId(1, "ID"),
});

const MemberRemoveResponse = membersResponse("MemberRemoveResponse");

const MemberUpdateRequest = message<MemberUpdateRequest>("MemberUpdateRequest", {
  id: unsignedId(1, "ID"),
  peerUrls: repeated(string(2, "peerURLs")),
});

const MemberUpdateResponse = membersResponse("MemberUpdateResponse");

const MemberListRequest = message<MemberListRequest>("MemberListRequest", {
  linearizable: bool(1),
});

const MemberListResponse = membersResponse("MemberListResponse");

const MemberPromoteRequest = message<MemberPromoteRequest>("MemberPromoteRequest", {
  id: unsignedId(1, "ID"),
});

const MemberPromoteResponse = membersResponse("MemberPromoteResponse");

export {
  Member,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
};
