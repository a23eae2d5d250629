# packages.sh - what building, testing and measuring need on Debian, and how what is missing gets
# there. Read by the scripts beside it with `.`; it does nothing by itself.
#
# Each need is looked for where it would be used, not in the package database, so that a compiler or
# a CMake from elsewhere counts; apt-get is called only when something is not there.

has() {
    command -v "$1" >/dev/null 2>&1
}

has_header() {
    [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]
}

# 3.25 is the floor of CMakeLists.txt and what Debian 12 has.
has_cmake() {
    has cmake || return 1
    version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    major=${version% *}
    minor=${version#* }
    [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 25 ]; }
}

# The sanitizer and fuzzer runtimes are a package of their own.
has_clang_runtime() {
    has clang || return 1
    [ -e "$(clang -print-runtime-dir)/libclang_rt.fuzzer-$(uname -m).a" ]
}

# The packages that are missing for `$1`: build, test, clang or bench.
missing_for() {
    case $1 in
    build)
        has_cmake || echo cmake
        has ninja || echo ninja-build
        has cc || echo gcc
        has_header stdio.h || echo libc6-dev
        has pkg-config || echo pkg-config
        has_header liburing.h || echo liburing-dev
        ;;
    test)
        has_header cmocka.h || echo libcmocka-dev
        has_header fuse3/fuse.h || echo libfuse3-dev
        has python3 || echo python3
        has curl || echo curl
        ;;
    clang)
        has clang || echo clang
        has ld.lld || echo lld
        has_clang_runtime || echo libclang-rt-dev
        ;;
    bench)
        has python3 || echo python3
        has wrk || echo wrk
        has strace || echo strace
        { has nginx || [ -x /usr/sbin/nginx ]; } || echo nginx
        ;;
    esac
}

# Run a command silently; when it fails, show what it said and stop.
quietly() {
    said=$(mktemp)
    if "$@" >"$said" 2>&1; then
        rm -f "$said"
        return 0
    fi
    cat "$said" >&2
    rm -f "$said"
    echo "ringlet: this failed: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        quietly env DEBIAN_FRONTEND=noninteractive "$@"
    else
        quietly sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# need KIND...: install what is missing for any of them. Without a way to do that, say what to do.
need() {
    missing=
    for kind in "$@"; do
        missing="$missing $(missing_for "$kind" | tr '\n' ' ')"
    done
    missing=$(echo $missing)
    [ -n "$missing" ] || return 0

    if ! has apt-get || { [ "$(id -u)" -ne 0 ] && ! has sudo; }; then
        echo "ringlet: missing $missing; as root: apt-get install $missing" >&2
        exit 1
    fi
    echo "ringlet: installing $missing" >&2
    as_root apt-get -q -o DPkg::Lock::Timeout=120 update
    as_root apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends $missing
}

# build NAME CMAKE_ARGUMENT...: configure and build $tree into build/NAME.
build() {
    name=$1
    shift
    quietly cmake -S "$tree" -B "$tree/build/$name" -G Ninja "$@"
    quietly cmake --build "$tree/build/$name"
}
