#!/bin/sh
# Starts Redis with the configuration of the ConfigMap and the password of the Secret, which no list of processes shows.
# Further settings come from the files in conf.d, of which the overlays have some.
set -eu
umask 077
config_dir=${CONFIG_DIR:-/etc/redis}
run_dir=${RUN_DIR:-/run/redis}
password=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
{
  cat "$config_dir/redis.conf"
  for file in "$config_dir"/conf.d/*.conf; do
    [ -e "$file" ] && cat "$file"
  done
  printf 'requirepass "%s"\nmasterauth "%s"\n' "$password" "$password"
} >"$run_dir/redis.conf"
exec redis-server "$run_dir/redis.conf"
