#!/bin/sh
# Run by start-redis.sh: prints the settings that make this server a replica of the master that the sentinels know.
# When none of them knows one, all is new, and the first pod is the master.
set -eu
self=${POD_NAME:?}.${SERVICE:?}
master=
for index in 0 1 2; do
  master=$(env -u REDISCLI_AUTH timeout 2 redis-cli -h "${POD_NAME%-*}-$index.$SERVICE" -p 26379 --raw \
    sentinel get-master-addr-by-name forecasts 2>/dev/null | head -n 1) || true
  case $master in *".$SERVICE") break ;; *) master= ;; esac
done
[ -n "$master" ] || master=${POD_NAME%-*}-0.$SERVICE
echo "replica-announce-ip $self"
if [ "$master" != "$self" ]; then echo "replicaof $master 6379"; fi
