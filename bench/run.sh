#!/bin/sh
# sh bench/run.sh [OPTIONS] - compare ringlet's engines with each other and with other servers.
# Installs what is missing, and leaves no service of it running or enabled; builds the release and
# its tools; and hands over to run.py. `--help` lists the options, bench/README.md explains.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
tree=$(dirname -- "$here")
. "$tree/cmake/packages.sh"

# The options are run.py's to understand; here it matters only how much must be there for them.
extent=all
before=
for word in "$@"; do
    case "$before $word" in
    *' --list' | *' --help' | *' -h') extent=words ;;
    *' --quick' | *' --peers=none' | '--peers none') [ $extent = words ] || extent=own ;;
    esac
    before=$word
done

if [ $extent = words ]; then
    has python3 || need bench
else
    need build bench
    [ $extent = own ] || want peers counters controls
    echo "ringlet: building a release" >&2
    build bench -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DBUILD_BENCH=ON
fi
exec python3 -B "$here/run.py" --build "$tree/build/bench" "$@"
