#!/bin/sh
# Starts Redis with the configuration of the ConfigMap and the password of the Secret, which is not visible in the process list.
# An overlay adds settings: its *.conf files, and the output of its scripts.
set -eu
umask 077
config_dir=${CONFIG_DIR:-/etc/redis}
overlay_dir=${OVERLAY_DIR:-/etc/redis-overlay}
run_dir=${RUN_DIR:-/run/redis}
password=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
{
  cat "$config_dir/redis.conf"
  for file in "$overlay_dir"/*.conf; do
    if [ -e "$file" ]; then cat "$file"; fi
  done
  for script in "$overlay_dir"/announce.sh "$overlay_dir"/follow-master.sh; do
    if [ -e "$script" ]; then sh "$script"; fi
  done
  printf 'masterauth "%s"\n' "$password"
  # With an ACL file, it contains the users, including the default user's password.
  if ! grep -qs '^aclfile' "$overlay_dir"/*.conf; then printf 'requirepass "%s"\n' "$password"; fi
} >"$run_dir/redis.conf"
exec redis-server "$run_dir/redis.conf"
