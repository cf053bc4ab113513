#!/bin/sh
# Run by start-redis.sh: a pod that comes back has a new address, which the other nodes learn from it.
set -eu
echo "cluster-announce-ip ${POD_IP:?}"
