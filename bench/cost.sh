#!/bin/sh
# sh bench/cost.sh [OPTIONS] - what a request costs the server's CPU: ringlet on both engines and
# nginx, side by side. Installs nginx, wrk and strace when missing (and starts no service), builds
# the release, and hands over to cost.py; `sh bench/cost.sh --help` lists the options.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
tree=$(dirname -- "$here")
. "$tree/cmake/packages.sh"

# Debian starts a service when its package is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
placed=
if [ -n "$(missing_for bench)" ] && [ "$(id -u)" -eq 0 ] && [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    placed=yes
    trap 'rm -f $policy' EXIT
fi
need build bench
if [ -n "$placed" ]; then
    rm -f $policy
    trap - EXIT
fi

build release -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF
exec python3 -B "$here/cost.py" --binary "$tree/build/release/ringlet" "$@"
