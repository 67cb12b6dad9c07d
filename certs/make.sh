#!/bin/sh
# Makes a certificate authority, a server pair and a client pair for a cluster:
# ECDSA P-256, subject alternative names for the given hosts. Server
# certificates are for server and client use, because members dial each other.
# Needs only sh and openssl (or LibreSSL).
set -eu
umask 077

usage() {
  cat <<'EOF'
usage: certs/make.sh [--hosts a,b,127.0.0.1] [--out DIR] [options]

  --hosts LIST    host names and addresses of the members, separated by commas
                  (localhost,127.0.0.1,::1)
  --out DIR       where to write (certs/out); an authority that is there already
                  is used again, so that pairs can be added later
  --server NAME   file name of the server pair (server)
  --client NAME   file name of the client pair (client)
  --ca-name NAME  common name of a new authority (etcd CA)
  --days N        days until the pairs expire (825)
  --ca-days N     days until a new authority expires (3650)

A pair that is there already is left alone. Keep ca.key away from the servers.

example: two members, then a third
  certs/make.sh --hosts node1.example.org,10.0.0.1 --server node1 --out tls
  certs/make.sh --hosts node2.example.org,10.0.0.2 --server node2 --out tls
  certs/make.sh --hosts node3.example.org,10.0.0.3 --server node3 --out tls
EOF
}

fail() {
  echo "certs/make.sh: $1" >&2
  exit "${2:-1}"
}

hosts=localhost,127.0.0.1,::1
out=certs/out
server=server
client=client
ca_name='etcd CA'
days=825
ca_days=3650
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --hosts | --out | --server | --client | --ca-name | --days | --ca-days)
      [ $# -ge 2 ] || fail "Expected a value after \"$1\", see --help" 2
      case $1 in
        --hosts) hosts=$2 ;;
        --out) out=$2 ;;
        --server) server=$2 ;;
        --client) client=$2 ;;
        --ca-name) ca_name=$2 ;;
        --days) days=$2 ;;
        --ca-days) ca_days=$2 ;;
      esac
      shift 2
      ;;
    *) fail "Unknown argument \"$1\", see --help" 2 ;;
  esac
done

case $hosts in
  '' | *[!A-Za-z0-9.:,*-]* | ,* | *, | *,,*)
    fail "Expected host names and addresses separated by commas, found \"$hosts\"" 2 ;;
esac
for number in "$days" "$ca_days"; do
  case $number in
    '' | *[!0-9]*) fail "Expected a number of days, found \"$number\"" 2 ;;
  esac
done
for name in "$server" "$client"; do
  case $name in
    '' | ca | */*) fail "Expected a file name for a pair, found \"$name\"" 2 ;;
  esac
done
command -v openssl >/dev/null 2>&1 || fail 'openssl is needed and was not found, install it first'

# Prints the subjectAltName value for a list of hosts.
alternative_names() {
  list=
  rest=$1,
  while [ -n "$rest" ]; do
    host=${rest%%,*}
    rest=${rest#*,}
    case $host in
      *:* ) list=$list,IP:$host ;;
      *[!0-9.]*) list=$list,DNS:$host ;;
      *) list=$list,IP:$host ;;
    esac
  done
  echo "${list#,}"
}

# Runs openssl quietly, but shows what it said when it fails.
quietly() {
  openssl "$@" >"$work/said" 2>&1 || {
    cat "$work/said" >&2
    fail "openssl $1 failed, see above"
  }
}

new_key() {
  quietly genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
    -pkeyopt ec_param_enc:named_curve -out "$1"
}

# request KEY COMMON_NAME: a certificate request in $work/csr.
request() {
  printf '[req]\nprompt = no\ndistinguished_name = name\n[name]\nO = etcd\nCN = %s\n' "$2" \
    >"$work/req.cnf"
  quietly req -new -key "$1" -config "$work/req.cnf" -out "$work/csr"
}

# pair NAME COMMON_NAME EXTENSION...: NAME.crt and NAME.key, signed by the authority.
pair() {
  name=$1
  common_name=$2
  shift 2
  if [ -e "$out/$name.crt" ] || [ -e "$out/$name.key" ]; then
    echo "kept  $out/$name.crt"
    return
  fi
  new_key "$work/$name.key"
  request "$work/$name.key" "$common_name"
  printf '%s\n' 'basicConstraints = critical,CA:FALSE' 'keyUsage = critical,digitalSignature' \
    'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid' "$@" >"$work/ext.cnf"
  quietly x509 -req -sha256 -in "$work/csr" -CA "$out/ca.crt" -CAkey "$out/ca.key" \
    -set_serial "0x$(openssl rand -hex 16 | sed 's/^./4/')" -days "$days" \
    -extfile "$work/ext.cnf" -out "$work/$name.crt"
  finish "$name"
}

# finish NAME: the certificate last, so that it never stands without its key.
finish() {
  mv "$work/$1.key" "$out/$1.key"
  chmod 644 "$work/$1.crt"
  mv "$work/$1.crt" "$out/$1.crt"
  echo "made  $out/$1.crt"
}

[ -d "$out" ] || mkdir -p "$out"
work=$(mktemp -d "$out/.make.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ -e "$out/ca.crt" ]; then
  [ -r "$out/ca.key" ] || fail "\"$out/ca.crt\" is there without \"$out/ca.key\": cannot sign with it"
  echo "kept  $out/ca.crt"
else
  new_key "$work/ca.key"
  request "$work/ca.key" "$ca_name"
  printf '%s\n' 'basicConstraints = critical,CA:TRUE,pathlen:0' \
    'keyUsage = critical,keyCertSign,cRLSign' 'subjectKeyIdentifier = hash' >"$work/ext.cnf"
  quietly x509 -req -sha256 -in "$work/csr" -signkey "$work/ca.key" \
    -set_serial "0x$(openssl rand -hex 16 | sed 's/^./4/')" -days "$ca_days" \
    -extfile "$work/ext.cnf" -out "$work/ca.crt"
  finish ca
fi

pair "$server" "$server" "subjectAltName = $(alternative_names "$hosts")" \
  'extendedKeyUsage = serverAuth,clientAuth'
pair "$client" "$client" 'extendedKeyUsage = clientAuth'

cat <<EOF

A node that demands client certificates:
  ./etcd -clientCert $out/$server.crt -clientKey $out/$server.key -clientCAFile $out/ca.crt \\
    -serverCert $out/$server.crt -serverKey $out/$server.key -serverCAFile $out/ca.crt
A client:
  curl --cacert $out/ca.crt --cert $out/$client.crt --key $out/$client.key https://${hosts%%,*}:4001/version
EOF
