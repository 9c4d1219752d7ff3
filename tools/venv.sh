#!/bin/sh
# tools/venv.sh VENV [PYTHON]: make the virtual environment VENV with PYTHON, or with the first suitable Python found.
# A candidate is asked before it is believed: a name on PATH may be another version, or a shim that only fails.
set -eu
venv=$1
python=${2:-}

works() { "$@" >/dev/null 2>&1; }

candidates=${python:-python3.12 python3.11 python3}
if [ -z "$python" ] && works uv --version; then
    candidates="$candidates $(uv python find --system '>=3.11,<3.13' 2>/dev/null || true)"
fi

incomplete=
for candidate in $candidates; do
    works "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || continue
    # What is left of an environment whose Python has gone.
    if [ -f "$venv/pyvenv.cfg" ]; then rm -rf "$venv"; fi
    if works "$candidate" -c 'import ensurepip, venv'; then
        exec "$candidate" -m venv "$venv"
    elif works uv --version; then
        exec uv venv --quiet --python "$("$candidate" -c 'import sys; print(sys.executable)')" "$venv"
    fi
    incomplete=$candidate
done

if [ -n "$incomplete" ]; then
    echo "$incomplete cannot make virtual environments: install its venv module" \
        "(Debian, Ubuntu: apt-get install python3-venv), or uv, or name another Python: make setup PYTHON=..." >&2
else
    echo "No Python 3.11 or 3.12 among: $candidates." \
        "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: make setup PYTHON=..." >&2
fi
exit 1
