#!/usr/bin/env bash
# Sets up the example in its own local cluster: minikube or kind, KEDA, Prometheus, Redis, two applications under load,
# two forecasters, the scaler and two ScaledObjects. Run it again to update everything.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

cluster=kedastral-demo
namespace=multi-app-redis
keda_version=${KEDA_VERSION:-2.18.1}

usage() {
  cat <<TEXT
usage: setup.sh [--with minikube|kind] [--dry-run] [VARIANT]

  VARIANT      base (default): one Redis with a password and a volume
               acl       separate users for writing and reading
               tls       TLS with client certificates
               sentinel  three servers and sentinels
               cluster   a Redis Cluster of three masters and three replicas
               pv        volumes that remain when their claims are deleted
  --with TOOL  the tool that creates the cluster (default: the installed one, minikube first)
  --dry-run    print what would be done, and do nothing

KEDA_VERSION (now $keda_version) is the version of KEDA.
TEXT
}

complain() {
  echo "setup.sh: $*" >&2
  exit 1
}

variant=base
tool=
dry_run=false
while [ $# -gt 0 ]; do
  case $1 in
    --with)
      tool=${2:-}
      shift
      ;;
    --with=*) tool=${1#--with=} ;;
    --dry-run) dry_run=true ;;
    -h | --help)
      usage
      exit 0
      ;;
    base | acl | tls | sentinel | cluster | pv) variant=$1 ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
done
manifests=$here/kubernetes/base
[ "$variant" = base ] || manifests=$here/kubernetes/overlays/$variant

# Tools: report all that are missing.
is_there() { command -v "$1" >/dev/null; }
if [ -z "$tool" ]; then
  if is_there minikube || ! is_there kind; then tool=minikube; else tool=kind; fi
fi
case $tool in
  minikube) context=$cluster ;;
  kind) context=kind-$cluster ;;
  *) complain "'$tool' is not supported; write --with minikube or --with kind" ;;
esac
missing=()
for wanted in docker kubectl "$tool" openssl; do is_there "$wanted" || missing+=("$wanted"); done
if [ ${#missing[@]} -gt 0 ]; then
  note="please install: ${missing[*]} (minikube or kind will do as a cluster; without any, run-local.sh runs the same here)"
  if $dry_run; then echo "# $note"; else complain "$note"; fi
fi

# A step is a command; it is printed, and carried out unless this is a dry run.
step() {
  printf '+ %s\n' "$*"
  $dry_run || "$@"
}
kube() { step kubectl --context "$context" "$@"; }
holds() { ! $dry_run && kubectl --context "$context" "$@" >/dev/null 2>&1; }

# Secrets are created once and then kept; their contents come from standard input, so that the process list does not show them.
make_secret() {
  local name=$1
  if holds --namespace "$namespace" get secret "$name"; then
    echo "# the secret $name exists"
    return
  fi
  echo "+ kubectl --context $context apply -f - <<secret $name>>"
  $dry_run && return
  {
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ndata:\n' "$name" "$namespace"
    shift
    while [ $# -gt 0 ]; do
      printf '  %s: %s\n' "$1" "$(base64 -w 0 <"$2")"
      shift 2
    done
  } | kubectl --context "$context" apply -f - >/dev/null
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

echo "# 1. the cluster $cluster, by $tool"
case $tool in
  minikube)
    if ! $dry_run && minikube status --profile "$cluster" >/dev/null 2>&1; then
      echo "# it runs"
    else
      step minikube start --profile "$cluster" --cpus 4 --memory 6g
    fi
    ;;
  kind)
    if ! $dry_run && kind get clusters 2>/dev/null | grep -qx "$cluster"; then
      echo "# it runs"
    else
      step kind create cluster --name "$cluster"
    fi
    ;;
esac

present=
if holds get namespace "$namespace"; then
  present=$(kubectl --context "$context" get namespace "$namespace" -o 'jsonpath={.metadata.annotations.kedastral/variant}')
fi
if [ -n "$present" ] && [ "$present" != "$variant" ]; then
  complain "the variant '$present' is set up and cannot be changed to '$variant'; run cleanup.sh --keep-cluster first"
fi

echo "# 2. images"
for target in forecaster scaler demo; do
  image=kedastral-$target:dev
  [ "$target" != demo ] || image=multi-app-demo:dev
  step docker build --file "$root/deploy/Dockerfile" --target "$target" --tag "$image" "$root"
  case $tool in
    minikube) step minikube --profile "$cluster" image load --overwrite "$image" ;;
    kind) step kind load docker-image --name "$cluster" "$image" ;;
  esac
done

echo "# 3. KEDA $keda_version"
kube apply --server-side --force-conflicts --filename \
  "https://github.com/kedacore/keda/releases/download/v$keda_version/keda-$keda_version.yaml"
kube --namespace keda rollout status deployment/keda-operator --timeout 5m
kube --namespace keda rollout status deployment/keda-metrics-apiserver --timeout 5m

echo "# 4. namespace and secrets"
kube apply --filename "$here/kubernetes/base/namespace.yaml"
kube annotate --overwrite namespace "$namespace" "kedastral/variant=$variant"
if ! $dry_run; then for name in password writer reader; do openssl rand -hex 24 | tr -d '\n' >"$work/$name"; done; fi
if [ "$variant" = acl ] && holds --namespace "$namespace" get secret redis-auth; then
  # The three secrets hold the same passwords, so that one which is missing must come from the others.
  for part in redis-auth:password redis-writer:writer redis-reader:reader; do
    if holds --namespace "$namespace" get secret "${part%:*}"; then
      kubectl --context "$context" --namespace "$namespace" get secret "${part%:*}" -o 'jsonpath={.data.password}' |
        base64 -d >"$work/${part#*:}"
    fi
  done
fi
make_secret redis-auth password "$work/password"
case $variant in
  acl)
    if ! $dry_run; then
      sed "s/@password@/$(cat "$work/password")/; s/@writer@/$(cat "$work/writer")/; s/@reader@/$(cat "$work/reader")/" \
        "$here/kubernetes/overlays/acl/users.acl" >"$work/users.acl"
    fi
    make_secret redis-acl users.acl "$work/users.acl"
    make_secret redis-writer password "$work/writer"
    make_secret redis-reader password "$work/reader"
    ;;
  tls)
    if ! $dry_run; then "$here/make-certificates.sh" "$work" redis "redis.$namespace.svc"; fi
    # All or none: they come from one authority, whose key is not kept.
    if ! holds --namespace "$namespace" get secret redis-tls-server redis-tls-client; then
      kube --namespace "$namespace" delete secret --ignore-not-found redis-tls-server redis-tls-client
    fi
    make_secret redis-tls-server ca.crt "$work/ca.crt" tls.crt "$work/server.crt" tls.key "$work/server.key"
    make_secret redis-tls-client ca.crt "$work/ca.crt" tls.crt "$work/client.crt" tls.key "$work/client.key"
    ;;
esac

echo "# 5. everything else"
kube apply --kustomize "$manifests"
# Images with the same name may have changed.
kube --namespace "$namespace" rollout restart deployment/api-app deployment/worker-app \
  deployment/api-app-load deployment/worker-app-load deployment/api-app-forecaster deployment/worker-app-forecaster \
  deployment/kedastral-scaler
kube --namespace "$namespace" rollout status statefulset/redis --timeout 5m
[ "$variant" != cluster ] ||
  kube --namespace "$namespace" wait --for condition=complete job/redis-cluster-create --timeout 5m
for name in prometheus api-app worker-app api-app-forecaster worker-app-forecaster kedastral-scaler; do
  kube --namespace "$namespace" rollout status "deployment/$name" --timeout 5m
done

cat <<TEXT

Watch it:
  kubectl --context $context --namespace $namespace get hpa,scaledobjects --watch
  kubectl --context $context --namespace $namespace port-forward service/api-app-forecaster 8081
  kubectl --context $context --namespace $namespace port-forward service/prometheus 9090
The README describes what to look for; cleanup.sh removes everything.
TEXT
