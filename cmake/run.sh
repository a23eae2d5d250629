#!/bin/sh
# sh cmake/run.sh [OPTIONS] [DIR] - install what is missing, build a release, and serve DIR or, when
# none is named, the sample site. The options are ringlet's own.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
tree=$(dirname -- "$here")
. "$here/packages.sh"

need build
[ -e "$tree/build/release/build.ninja" ] || echo "ringlet: building a release" >&2
build release -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF

# The command line goes before the environment, so any --root or DIR replaces the sample.
export RINGLET_ROOT="${RINGLET_ROOT-$here/sample}"
exec "$tree/build/release/ringlet" "$@"
