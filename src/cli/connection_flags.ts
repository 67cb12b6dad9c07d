/** The flags of every command that talks to a server, and of every one that shows something. */
import type { Flag } from "../config/flags.ts";

/** Where the servers are and how to prove who we are; read by `connect()` in `client.ts`. */
export const CONNECTION_FLAGS: readonly Flag[] = [
  {
    name: "peers",
    env: "ETCDCTL_PEERS",
    kind: "text",
    value: "LIST",
    initial: "127.0.0.1:4001",
    help: "client addresses of members, separated by commas, tried in turn",
  },
  {
    name: "cacert",
    env: "ETCDCTL_CA_FILE",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "authority that signed the certificates of the servers; asks for TLS",
  },
  {
    name: "cert",
    env: "ETCDCTL_CERT_FILE",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "certificate to show to the servers",
  },
  {
    name: "key",
    env: "ETCDCTL_KEY_FILE",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "its private key",
  },
  {
    name: "user",
    env: "ETCDCTL_USER",
    kind: "text",
    value: "NAME[:PASSWORD]",
    initial: "",
    help: "who asks, where authentication is on; a password that is missing is asked for",
  },
  {
    name: "password",
    env: "ETCDCTL_PASSWORD",
    kind: "text",
    value: "PASSWORD",
    initial: "",
    help: "the password of -user; better in its variable, where no list of processes shows it",
  },
  {
    name: "proxy",
    env: "ETCDCTL_PROXY",
    kind: "text",
    value: "URL",
    initial: "",
    help: "proxy to go through, http://HOST:PORT; http_proxy and the like count for nothing",
  },
  {
    name: "timeout",
    env: "ETCDCTL_TIMEOUT",
    kind: "integer",
    value: "SECONDS",
    initial: 10,
    min: 1,
    max: 86_400,
    help: "how long one server may take to answer",
  },
];

/** How results are shown. */
export const OUTPUT_FLAG: Flag = {
  name: "o",
  kind: "text",
  value: "FORMAT",
  choices: ["text", "json"],
  initial: "text",
  help: '"text" for people, "json" for programs',
};
