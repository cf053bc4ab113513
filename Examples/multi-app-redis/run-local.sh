#!/usr/bin/env bash
# The whole example on this machine, without Kubernetes: a real Prometheus, a real Redis, two applications under load, two
# forecasters, one scaler, and a stand-in for KEDA that calls it and prints the replicas of both HPAs. Ctrl-C stops all of it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

usage() {
  cat <<TEXT
usage: run-local.sh [--speed N] [--for SECONDS] [--binaries FOLDER]

  --speed N          minutes of load per minute: a divisor of 60 (default 30). Steps, intervals, scrapes and lead time
                     are shortened by it; requests per second do not change
  --for SECONDS      stop after this time (default: at Ctrl-C)
  --binaries FOLDER  folder with the programs; without it they are built
TEXT
}

complain() {
  echo "run-local.sh: $*" >&2
  exit 1
}

speed=30
seconds=
binaries=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --speed=* | --for=* | --binaries=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --speed) speed=${2:-} && shift ;;
    --for) seconds=${2:-} && shift ;;
    --binaries) binaries=${2:-} && shift ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
done
[[ $speed =~ ^[0-9]{1,2}$ && $speed -ge 1 && $speed -le 60 && $((60 % speed)) -eq 0 ]] ||
  complain "--speed is '$speed'; write a divisor of 60, such as 1, 10, 30 or 60"
[[ -z $seconds || $seconds =~ ^[0-9]{1,6}$ ]] || complain "--for is '$seconds'; write a number of seconds"

missing=()
for wanted in prometheus promtool redis-server redis-cli curl python3; do
  command -v "$wanted" >/dev/null || missing+=("$wanted")
done
[ ${#missing[@]} -eq 0 ] || complain "not installed: ${missing[*]}; scripts/install-deps test installs what is missing"

programs=(kedastral kedastral-forecaster kedastral-scaler multi-app-demo)
if [ -z "$binaries" ]; then
  for program in "${programs[@]}"; do
    swift build --package-path "$root" -c release --product "$program"
  done
  binaries=$(swift build --package-path "$root" -c release --show-bin-path)
fi
for program in "${programs[@]}"; do
  [ -x "$binaries/$program" ] || complain "there is no program $binaries/$program"
done

work=$(mktemp -d)
pids=()
names=()

# Stops the processes that this script started, in reverse order, by process number.
finish() {
  trap - EXIT INT TERM
  local index deadline=$((SECONDS + 8))
  for ((index = ${#pids[@]} - 1; index >= 0; index--)); do kill -TERM "${pids[index]}" 2>/dev/null || true; done
  for ((index = ${#pids[@]} - 1; index >= 0; index--)); do
    while kill -0 "${pids[index]}" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
    kill -KILL "${pids[index]}" 2>/dev/null || true
    wait "${pids[index]}" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'finish; exit 130' INT
trap 'finish; exit 143' TERM

# start NAME COMMAND...: in the background, its output in a file of that name.
start() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
  names+=("$name")
}

# Reports which process has ended, and its last lines.
explain_death() {
  local index
  for index in "${!pids[@]}"; do
    if ! kill -0 "${pids[index]}" 2>/dev/null; then
      echo "run-local.sh: ${names[index]} has ended; its last lines:" >&2
      tail -n 5 "$work/${names[index]}.log" | sed 's/^/  /' >&2
    fi
  done
}

# wait_for WHAT COMMAND...: waits until the command succeeds, at most half a minute, as long as all processes run.
wait_for() {
  local what=$1 deadline=$((SECONDS + 30)) pid
  shift
  until "$@" >/dev/null 2>&1; do
    for pid in "${pids[@]}"; do
      kill -0 "$pid" 2>/dev/null || {
        explain_death
        exit 1
      }
    done
    if [ $SECONDS -ge $deadline ]; then
      complain "$what is not ready after 30 s: $("$@" 2>&1 | tail -n 1)"
    fi
    sleep 0.1
  done
}
answers() { curl --silent --show-error --fail-with-body --max-time 2 "$1"; }

# Free ports of the loopback address.
read -r redis prometheus api worker api_load worker_load api_forecaster worker_forecaster scaler scaler_http < <(
  python3 -c '
import socket
sockets = [socket.socket() for _ in range(10)]
for one in sockets: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))')

# Durations of the example in seconds, compressed.
compressed() { echo "$(($1 * 1000 / speed))ms"; }

# Redis, started by the script that starts it in the cluster.
mkdir -p "$work/redis-config" "$work/redis-overlay" "$work/redis-data" "$work/redis-run"
sed "s|^dir .*|dir $work/redis-data|" "$here/kubernetes/base/redis/redis.conf" >"$work/redis-config/redis.conf"
printf 'port %s\nbind 127.0.0.1\n' "$redis" >"$work/redis-overlay/local.conf"
(umask 077 && python3 -c 'import secrets; print(secrets.token_hex(24), end="")' >"$work/redis-password")
export REDISCLI_AUTH
REDISCLI_AUTH=$(cat "$work/redis-password")
start redis env CONFIG_DIR="$work/redis-config" OVERLAY_DIR="$work/redis-overlay" RUN_DIR="$work/redis-run" \
  PASSWORD_FILE="$work/redis-password" sh "$here/kubernetes/base/redis/start-redis.sh"

# The load begins on a Wednesday at 07:40. Prometheus gets the two previous days as history.
export CLOCK_START=2026-01-07T07:40:00Z CLOCK_ORIGIN SPEED=$speed POD_NAMESPACE=multi-app-redis
CLOCK_ORIGIN=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
api_course=(PATTERN=hourly-spike BASE_RPS=100 PEAK_RPS=600)
worker_course=(PATTERN=business-hours BASE_RPS=60 PEAK_RPS=360)
mkdir "$work/prometheus"
for app in api worker; do
  declare -n course=${app}_course
  env "${course[@]}" APP_NAME="$app-app" HISTORY=2d "$binaries/multi-app-demo" history >"$work/history"
  promtool tsdb create-blocks-from openmetrics --quiet "$work/history" "$work/prometheus" >"$work/history.log" 2>&1 ||
    complain "promtool could not write the history: $(tail -n 1 "$work/history.log")"
done
rm "$work/history"

cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: $(compressed 15), evaluation_interval: 15s}
rule_files: [$root/deploy/alerts/kedastral.rules.yml]
scrape_configs:
  - job_name: apps
    static_configs: [{targets: ["127.0.0.1:$api", "127.0.0.1:$worker"]}]
  - job_name: kedastral
    scrape_interval: 5s
    static_configs: [{targets: ["127.0.0.1:$api_forecaster", "127.0.0.1:$worker_forecaster", "127.0.0.1:$scaler_http"]}]
YAML
start prometheus prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/prometheus" \
  --web.listen-address="127.0.0.1:$prometheus" --log.level=warn

start api-app env APP_NAME=api-app LISTEN="127.0.0.1:$api" "$binaries/multi-app-demo" app
start worker-app env APP_NAME=worker-app LISTEN="127.0.0.1:$worker" "$binaries/multi-app-demo" app
wait_for api-app answers "http://127.0.0.1:$api/readyz"
wait_for worker-app answers "http://127.0.0.1:$worker/readyz"
start api-app-load env "${api_course[@]}" TARGET_URL="http://127.0.0.1:$api" LISTEN="127.0.0.1:$api_load" \
  "$binaries/multi-app-demo" load
start worker-app-load env "${worker_course[@]}" TARGET_URL="http://127.0.0.1:$worker" LISTEN="127.0.0.1:$worker_load" \
  "$binaries/multi-app-demo" load
wait_for Redis sh -c "redis-cli -p $redis ping | grep -q PONG"
wait_for Prometheus answers "http://127.0.0.1:$prometheus/-/ready"

# forecaster APP PORT TARGET_PER_POD HEADROOM MAX
forecaster() {
  start "$1-forecaster" "$binaries/kedastral-forecaster" -listen="127.0.0.1:$2" -workload="$1" \
    -metric="requests per second" -adapter-url="http://127.0.0.1:$prometheus" \
    -adapter-query="sum(rate(api_requests_total{namespace=\"multi-app-redis\",app=\"$1\"}[$(compressed 60)]))" \
    -target-per-pod="$3" -headroom="$4" -max="$5" -step="$(compressed 60)" -interval="$(compressed 30)" \
    -horizon="$(compressed 1800)" -window="$(compressed 691200)" -storage=redis -redis-addr="127.0.0.1:$redis" \
    -redis-password-file="$work/redis-password" -redis-ttl="$(compressed 1800)"
}
forecaster api-app "$api_forecaster" 50 1.2 20
forecaster worker-app "$worker_forecaster" 40 1.3 15
start scaler "$binaries/kedastral-scaler" -listen="127.0.0.1:$scaler" -http-listen="127.0.0.1:$scaler_http" \
  -lead-time="$(compressed 300)" -stale-after="$(compressed 120)" -storage=redis -redis-addr="127.0.0.1:$redis" \
  -redis-password-file="$work/redis-password"
wait_for api-app-forecaster answers "http://127.0.0.1:$api_forecaster/readyz"
wait_for worker-app-forecaster answers "http://127.0.0.1:$worker_forecaster/readyz"
wait_for scaler answers "http://127.0.0.1:$scaler_http/readyz"

cat <<TEXT
Everything runs, $speed times as fast as real time; the logs are in $work.
  api-app      http://127.0.0.1:$api_forecaster/     a spike at each full hour, 50 requests/s per pod
  worker-app   http://127.0.0.1:$worker_forecaster/     busy from 9 to 17 o'clock, 40 requests/s per pod
  Prometheus   http://127.0.0.1:$prometheus/
  Redis        REDISCLI_AUTH=\$(cat $work/redis-password) redis-cli -p $redis get forecast:api-app
  scaler       127.0.0.1:$scaler (gRPC), http://127.0.0.1:$scaler_http/metrics

The replicas of both HPAs, five minutes ahead; watch them rise before the load does. Ctrl-C stops everything.
TEXT
"$here/keda-stand-in.py" "$binaries/kedastral" "127.0.0.1:$scaler" api-app:max=20,fallback=6 \
  worker-app:max=15,fallback=4 --interval "$(python3 -c "print(15 / $speed)")" --quiet "$(python3 -c "print(300 / $speed)")" \
  --prometheus "http://127.0.0.1:$prometheus" --rate-window "$(compressed 60)" \
  --speed "$speed" --origin "$(date --date "$CLOCK_ORIGIN" +%s)" --start "$(date --date "$CLOCK_START" +%s)" &
pids+=($!)
names+=(keda-stand-in)
: >"$work/keda-stand-in.log"
if [ -n "$seconds" ]; then
  sleep "$seconds" &
  timer=$!
  pids+=("$timer")
  names+=(timer)
fi
ended=
wait -n -p ended "${pids[@]}" || true
# Ctrl-C ends the processes as well, perhaps before this shell: its trap shall be the first to say so.
sleep 0.2
if [ "${ended:-}" != "${timer:-none}" ]; then
  explain_death
  exit 1
fi
