#!/bin/sh
# sh cmake/test.sh [CTEST_ARGUMENT...] - install what is missing, build with AddressSanitizer and
# UBSan, and run every test. The exit status is ctest's.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
tree=$(dirname -- "$here")
. "$here/packages.sh"

need build test
echo "ringlet: building the tests" >&2
build test -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=address -DWARNINGS_ARE_ERRORS=ON -DBUILD_TESTING=ON
exec ctest --test-dir "$tree/build/test" --output-on-failure --no-tests=error --parallel 2 "$@"
