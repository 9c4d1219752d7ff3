#!/bin/sh
# tools/venv.sh VENV [PYTHON]            make the virtual environment VENV with PYTHON, or the first suitable Python found
# tools/venv.sh --platform VENV [PYTHON] print the environment for the platform, and make it if it is missing: VENV if
#                                        Flink has packages for its Python, else VENV-platform
# A candidate is asked before it is believed: a name on PATH may be another version, or a shim that only fails.
set -eu

works() { "$@" >/dev/null 2>&1; }
is_before() { works "$2" -c "import sys; sys.exit(not (3, 11) <= sys.version_info < $1)"; }

newest="(3, 15)" versions="3.11 to 3.14" names="python3.12 python3.11 python3.13 python3.14 python3" purpose= option=
if [ "$1" = --platform ]; then
    shift
    newest="(3, 13)" versions="3.11 or 3.12" names="python3.12 python3.11 python3" purpose=" for the platform" option="EXTRA=platform "
    if is_before "$newest" "$1/bin/python"; then echo "$1" && exit; fi
    set -- "$1-platform" "${2:-}"
    echo "$1"
    if is_before "$newest" "$1/bin/python"; then exit; fi
fi
venv=$1
python=${2:-}

candidates=${python:-$names}
if [ -z "$python" ] && works uv --version; then
    candidates="$candidates $(uv python find --system ">=3.11,<$(echo "$newest" | tr -d '() ' | tr , .)" 2>/dev/null || true)"
fi

incomplete=
for candidate in $candidates; do
    is_before "$newest" "$candidate" || continue
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
        "(Debian, Ubuntu: apt-get install python3-venv), or uv, or name another Python: make setup ${option}PYTHON=..." >&2
    exit 1
fi
# uv brings a Python of its own where it may fetch one.
if [ -z "$python" ] && works uv --version && uv venv --quiet --python 3.12 "$venv" >&2; then exit; fi
echo "No Python $versions$purpose among: $candidates." \
    "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or uv, which brings one," \
    "or name it: make setup ${option}PYTHON=..." >&2
exit 1
