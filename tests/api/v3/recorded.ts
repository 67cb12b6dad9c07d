/**
 * Messages as etcd 3.4.23's own codecs write them, in protobuf and in the
 * gateway's JSON: a program of its Go packages printed them.
 */

export interface Recorded {
  readonly type: string;
  readonly json: string;
  /** In hex. */
  readonly bytes: string;
}

export const RECORDED: readonly Recorded[] = [
  {
    type: "etcdserverpb.RangeResponse",
    json:
      '{"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":"7","raft_term":"2"},"kvs":[{"key":"/wA=","create_revision":"3","mod_revision":"7","version":"4","value":"AAH/","lease":"7587854293847023905"}],"more":true,"count":"12"}',
    bytes:
      "0a1a08b298eaf1948386fccd0110cdd2918bd2b881cf8e011807200212190a02ff001003180720042a030001ff30a1c2b281f3a8dea6691801200c",
  },
  {
    type: "etcdserverpb.TxnRequest",
    json:
      '{"compare":[{"result":"GREATER","target":"LEASE","key":"YQ==","lease":"-1","range_end":"Yg=="},{"key":"Yw==","create_revision":"0"}],"success":[{"request_range":{"key":"YQ==","range_end":"AA==","limit":"500","revision":"-1","sort_order":"DESCEND","sort_target":"VALUE","serializable":true,"keys_only":true,"count_only":true,"min_mod_revision":"1","max_mod_revision":"2","min_create_revision":"3","max_create_revision":"4"}},{"request_delete_range":{"key":"AA==","range_end":"AA==","prev_kv":true}}],"failure":[{"request_txn":{"failure":[{"request_put":{"key":"ZA==","value":"ZQ==","lease":"1","prev_kv":true,"ignore_value":true,"ignore_lease":true}}]}},{}]}',
    bytes:
      "0a16080110041a016140ffffffffffffffffff01820401620a051a0163280012280a260a016112010018f40320ffffffffffffffffff01280230043801400148015001580260036804120a1a080a010012010018011a1422121a10120e0a016412016518012001280130011a00",
  },
  {
    type: "etcdserverpb.WatchRequest",
    json:
      '{"create_request":{"key":"YQ==","range_end":"Yg==","start_revision":"9","progress_notify":true,"filters":["NODELETE","NOPUT"],"prev_kv":true,"watch_id":"9007199254740993","fragment":true}}',
    bytes: "0a1b0a0161120162180920012a02010030013881808080808080104001",
  },
  {
    type: "etcdserverpb.WatchResponse",
    json: String
      .raw`{"header":{"revision":"9"},"watch_id":"-1","created":true,"canceled":true,"compact_revision":"8","cancel_reason":"mvcc: \u003cé\u003e","fragment":true,"events":[{"type":"DELETE","kv":{"key":"YQ==","mod_revision":"9"},"prev_kv":{"key":"YQ==","version":"1"}},{}]}`,
    bytes:
      "0a02180910ffffffffffffffffff01180120012808320a6d7663633a203cc3a93e38015a10080112050a016118091a050a016120015a00",
  },
  {
    type: "etcdserverpb.LeaseTimeToLiveResponse",
    json: '{"ID":"-5","TTL":"-1","grantedTTL":"60","keys":["YQ==","/w=="]}',
    bytes: "10fbffffffffffffffff0118ffffffffffffffffff01203c2a01612a01ff",
  },
  {
    type: "etcdserverpb.MemberListResponse",
    json:
      '{"members":[{"ID":"10276657743932975437","name":"a","peerURLs":["http://[::1]:2380","http://b"],"clientURLs":["http://c"],"isLearner":true},{}]}',
    bytes:
      "123708cdd2918bd2b881cf8e011201611a11687474703a2f2f5b3a3a315d3a323338301a08687474703a2f2f622208687474703a2f2f6328011200",
  },
  {
    type: "etcdserverpb.AuthRoleGetResponse",
    json: '{"perm":[{"permType":"READWRITE","key":"YQ==","range_end":"AA=="},{"key":"Yg=="}]}',
    bytes: "120808021201611a01001203120162",
  },
  {
    type: "etcdserverpb.StatusResponse",
    json:
      '{"version":"3.4.23","dbSize":"20480","leader":"10276657743932975437","raftIndex":"300","raftTerm":"2","raftAppliedIndex":"300","errors":["a","b"],"dbSizeInUse":"16384","isLearner":true}',
    bytes: "1206332e342e32331880a00120cdd2918bd2b881cf8e0128ac02300238ac02420161420162488080015001",
  },
];
