#!/bin/sh
# Makes a cluster of six empty servers; does nothing when they are one already.
set -eu
nodes=
for index in 0 1 2 3 4 5; do
  host=redis-$index.${SERVICE:?}
  until redis-cli -h "$host" ping 2>/dev/null | grep -q PONG; do
    echo "waiting for $host"
    sleep 2
  done
  nodes="$nodes $host:6379"
done
if redis-cli -h "redis-0.$SERVICE" cluster info | grep -q '^cluster_slots_assigned:16384'; then
  echo "the cluster is there"
  exit 0
fi
# shellcheck disable=SC2086 # A list of words.
exec redis-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes
