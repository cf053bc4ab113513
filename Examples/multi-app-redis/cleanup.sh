#!/usr/bin/env bash
# Removes what setup.sh created: the whole cluster, or with --keep-cluster only the example. It can be run repeatedly.
set -euo pipefail
cluster=kedastral-demo
namespace=multi-app-redis
keep_cluster=false
dry_run=false
for argument in "$@"; do
  case $argument in
    --keep-cluster) keep_cluster=true ;;
    --dry-run) dry_run=true ;;
    *)
      cat <<TEXT
usage: cleanup.sh [--keep-cluster] [--dry-run]

  --keep-cluster  remove the example, and keep the cluster with KEDA
  --dry-run       print what would be done, and do nothing

Other clusters are never changed: all commands name the cluster "$cluster".
TEXT
      case $argument in -h | --help) exit 0 ;; *) exit 2 ;; esac
      ;;
  esac
done

is_there() { command -v "$1" >/dev/null; }
step() {
  printf '+ %s\n' "$*"
  $dry_run || "$@"
}

if $keep_cluster; then
  is_there kubectl || $dry_run || {
    echo "cleanup.sh: please install kubectl, or leave out --keep-cluster" >&2
    exit 1
  }
  contexts=
  $dry_run || contexts=$(kubectl config get-contexts --output name 2>/dev/null) || true
  found=false
  for context in "$cluster" "kind-$cluster"; do
    grep -qx "$context" <<<"$contexts" || $dry_run || continue
    found=true
    # ScaledObjects first: KEDA must still run to remove their finalizers.
    step kubectl --context "$context" --namespace "$namespace" delete scaledobjects.keda.sh --all --ignore-not-found --timeout 1m
    step kubectl --context "$context" delete namespace "$namespace" --ignore-not-found --timeout 5m
    step kubectl --context "$context" delete persistentvolume,storageclass --selector kedastral/example=multi-app-redis \
      --ignore-not-found --timeout 1m
  done
  $found || echo "# there is no cluster $cluster"
  exit 0
fi

found=false
if is_there minikube && { $dry_run || minikube profile list --output json 2>/dev/null | grep -q "\"Name\":\"$cluster\""; }; then
  found=true
  step minikube delete --profile "$cluster"
fi
if is_there kind && { $dry_run || kind get clusters 2>/dev/null | grep -qx "$cluster"; }; then
  found=true
  step kind delete cluster --name "$cluster"
fi
$found || echo "# there is no cluster $cluster"
