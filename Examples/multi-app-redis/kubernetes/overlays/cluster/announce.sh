#!/bin/sh
# Run by start-redis.sh: a restarted pod has a new address, which it announces to the other nodes.
set -eu
echo "cluster-announce-ip ${POD_IP:?}"
