#!/usr/bin/env bash
# Removes the cluster that setup.sh created. It can be run repeatedly.
set -euo pipefail
cluster=kedastral-operator-demo
dry_run=false
for argument in "$@"; do
  case $argument in
    --dry-run) dry_run=true ;;
    *)
      cat <<TEXT
usage: cleanup.sh [--dry-run]

  --dry-run  print what would be done, and do nothing

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
