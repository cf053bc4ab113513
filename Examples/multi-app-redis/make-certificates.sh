#!/usr/bin/env bash
# Creates an authority, a server certificate for the given names, and a client certificate: ca.crt, server.crt/key, client.crt/key.
# The authority's key is deleted: to renew one certificate, create all of them again.
set -euo pipefail
[ $# -ge 2 ] || {
  echo "usage: make-certificates.sh FOLDER NAME..." >&2
  exit 2
}
cd "$1"
shift
umask 077
names=DNS:localhost$(printf ",DNS:%s" "$@")
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc)
authority=$(mktemp)
trap 'rm -f "$authority" server.csr client.csr' EXIT
openssl req -x509 "${key[@]}" -keyout "$authority" -out ca.crt -days 365 -subj "/CN=multi-app-redis authority" 2>/dev/null
for role in server client; do
  openssl req "${key[@]}" -keyout $role.key -out $role.csr -subj "/CN=multi-app-redis $role" 2>/dev/null
  openssl x509 -req -in $role.csr -CA ca.crt -CAkey "$authority" -set_serial "0x$(openssl rand -hex 8)" -days 365 \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$names") -out $role.crt 2>/dev/null
done
