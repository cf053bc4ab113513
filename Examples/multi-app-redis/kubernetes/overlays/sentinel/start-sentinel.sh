#!/bin/sh
# Starts a sentinel next to a Redis server. It writes its state into its own configuration, which is deleted with the pod.
set -eu
umask 077
run_dir=${RUN_DIR:-/run/redis}
password=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
first=${POD_NAME%-*}-0.${SERVICE:?}
master=$first
for index in 0 1 2; do
  known=$(timeout 2 redis-cli -h "${POD_NAME%-*}-$index.$SERVICE" -p 26379 --raw \
    sentinel get-master-addr-by-name forecasts 2>/dev/null | head -n 1) || true
  case $known in *".$SERVICE") master=$known && break ;; esac
done
# A sentinel refuses to start while it cannot resolve the master's name.
until getent hosts "$master" >/dev/null; do sleep 1; done
cat >"$run_dir/sentinel.conf" <<CONFIGURATION
port 26379
dir /tmp
protected-mode no
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip ${POD_NAME}.${SERVICE}
sentinel monitor forecasts $master 6379 2
sentinel auth-pass forecasts $password
sentinel down-after-milliseconds forecasts 5000
sentinel failover-timeout forecasts 5000
sentinel parallel-syncs forecasts 2
CONFIGURATION
exec redis-sentinel "$run_dir/sentinel.conf"
