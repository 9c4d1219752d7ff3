#!/bin/sh
# Stops what START.sh has started, either way. What is stored stays.
set -eu
cd "$(dirname "$0")"
VENV=${VENV:-.venv}

if docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    docker compose --project-name flead --file deploy/compose.yaml down --remove-orphans
fi
if [ -x "$VENV-platform/bin/python" ]; then VENV=$VENV-platform; fi
if [ -x "$VENV/bin/python" ]; then
    exec "$VENV/bin/python" -m flead down
fi
