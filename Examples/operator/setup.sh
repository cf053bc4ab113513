#!/usr/bin/env bash
# Sets up the example in its own local cluster: minikube or kind, KEDA, Prometheus, two applications under load, and Kedastral as
# an operator with two ForecastPolicies. Run it again to update everything.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

cluster=kedastral-operator-demo
namespace=operator-demo
keda_version=${KEDA_VERSION:-2.18.1}

usage() {
  cat <<TEXT
usage: setup.sh [--with minikube|kind] [--dry-run] [--activate]

  --with TOOL  the tool that creates the cluster (default: the installed one, minikube first)
  --dry-run    print what would be done, and do nothing
  --activate   only let the plans of both policies scale their applications

KEDA_VERSION (now $keda_version) is the version of KEDA.
TEXT
}

complain() {
  echo "setup.sh: $*" >&2
  exit 1
}

tool=
dry_run=false
activate=false
while [ $# -gt 0 ]; do
  case $1 in
    --with)
      tool=${2:-}
      shift
      ;;
    --with=*) tool=${1#--with=} ;;
    --dry-run) dry_run=true ;;
    --activate) activate=true ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
done

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
for wanted in docker kubectl helm "$tool"; do is_there "$wanted" || missing+=("$wanted"); done
if [ ${#missing[@]} -gt 0 ]; then
  note="please install: ${missing[*]} (minikube or kind will do as a cluster)"
  if $dry_run; then echo "# $note"; else complain "$note"; fi
fi

# A step is a command; it is printed, and carried out unless this is a dry run.
step() {
  printf '+ %s\n' "$*"
  $dry_run || "$@"
}
kube() { step kubectl --context "$context" "$@"; }

if $activate; then
  for policy in api-app worker-app; do
    kube --namespace "$namespace" patch forecastpolicy "$policy" --type merge --patch '{"spec":{"dryRun":false}}'
  done
  kube --namespace "$namespace" get forecastpolicies,scaledobjects
  exit 0
fi

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

echo "# 2. images"
for target in forecaster scaler kedastral demo; do
  image=kedastral-$target:dev
  case $target in
    kedastral) image=kedastral:dev ;;
    demo) image=multi-app-demo:dev ;;
  esac
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

echo "# 4. Kedastral and its definitions"
step helm upgrade --install kedastral "$root/deploy/helm/kedastral" --kube-context "$context" --namespace "$namespace" \
  --create-namespace --values "$here/values.yaml"
for name in forecastpolicies headroompolicies datasources clusterdatasources; do
  kube wait --for condition=Established "customresourcedefinition/$name.kedastral.io" --timeout 1m
done

echo "# 5. applications, load, Prometheus, and two policies"
kube apply --kustomize "$here/kubernetes"
# Images with the same name may have changed.
deployments=(api-app worker-app api-app-load worker-app-load kedastral-forecaster kedastral-scaler)
kube --namespace "$namespace" rollout restart "${deployments[@]/#/deployment/}"
for name in prometheus "${deployments[@]}"; do
  kube --namespace "$namespace" rollout status "deployment/$name" --timeout 5m
done
kube --namespace "$namespace" get forecastpolicies,datasources

cat <<TEXT

Both policies are dry runs: plans are computed and shown, and nothing is scaled.
  kubectl --context $context --namespace $namespace get forecastpolicies --watch
  kubectl --context $context --namespace $namespace port-forward service/kedastral-forecaster 8081
When you agree with the plans, let them scale:
  setup.sh --activate
The README describes what to look for; cleanup.sh removes everything.
TEXT
