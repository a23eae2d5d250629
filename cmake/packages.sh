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

# The packages that are missing for `$1`: build, test, clang, bench, peers, counters or
# controls.
missing_for() {
    case $1 in
    build)
        has_cmake || echo cmake
        has ninja || echo ninja-build
        has cc || echo gcc
        has_header stdio.h || echo libc6-dev
        has pkg-config || echo pkg-config
        has_header liburing.h || echo liburing-dev
        has_header xxhash.h || echo libxxhash-dev
        has_header openssl/ssl.h || echo libssl-dev
        has_header libdeflate.h || echo libdeflate-dev
        has_header brotli/encode.h || echo libbrotli-dev
        has_header zstd.h || echo libzstd-dev
        has_header cjson/cJSON.h || echo libcjson-dev
        ;;
    test)
        has_header cmocka.h || echo libcmocka-dev
        has_header fuse3/fuse.h || echo libfuse3-dev
        has python3 || echo python3
        has curl || echo curl
        has openssl || echo openssl
        has gnuplot || echo gnuplot-nox
        ;;
    clang)
        has clang || echo clang
        has ld.lld || echo lld
        has_clang_runtime || echo libclang-rt-dev
        ;;
    bench)
        has python3 || echo python3
        has gnuplot || echo gnuplot-nox
        has_header openssl/ssl.h || echo libssl-dev
        has brotli || echo brotli
        has openssl || echo openssl
        ;;
    peers)
        { has nginx || [ -x /usr/sbin/nginx ]; } || echo nginx
        [ -e /usr/lib/nginx/modules/ngx_http_brotli_static_module.so ] ||
            echo libnginx-mod-http-brotli-static
        has h2o || echo h2o
        { has lighttpd || [ -x /usr/sbin/lighttpd ]; } || echo lighttpd
        has wrk || echo wrk
        ;;
    counters)
        has strace || echo strace
        has perf || echo linux-perf
        ;;
    controls)
        has_header seccomp.h || echo libseccomp-dev
        { has ip || [ -x /usr/sbin/ip ]; } || echo iproute2
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

# want KIND...: install what is missing for any of them and can be had. What cannot is named, and
# that is all: nothing depends on it. No service of what is installed is left running or enabled.
want() {
    missing=
    for kind in "$@"; do
        missing="$missing $(missing_for "$kind" | tr '\n' ' ')"
    done
    missing=$(echo $missing)
    [ -n "$missing" ] || return 0

    if ! has apt-get || { [ "$(id -u)" -ne 0 ] && ! has sudo; }; then
        echo "ringlet: going on without $missing; as root: apt-get install $missing" >&2
        return 0
    fi
    as_root apt-get -q -o DPkg::Lock::Timeout=120 update
    there=
    for package in $missing; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            there="$there $package"
        else
            echo "ringlet: going on without $package, which apt-get does not know" >&2
        fi
    done
    [ -n "$there" ] || return 0
    echo "ringlet: installing$there" >&2
    forbid_services
    as_root apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends $there
    allow_services
    for package in $there; do
        disable_service "$package"
    done
}

# Debian starts a service when its package is installed, unless this file says no. One that is there
# already is set aside, and comes back whatever happens.
policy=/usr/sbin/policy-rc.d

forbid_services() {
    trap allow_services EXIT
    trap 'exit 130' INT TERM
    [ ! -e $policy ] || as_root mv $policy $policy.aside
    no=$(mktemp)
    printf '#!/bin/sh\nexit 101\n' >"$no"
    as_root install -m 755 "$no" $policy
    rm -f "$no"
}

allow_services() {
    trap - EXIT INT TERM
    as_root rm -f $policy
    [ ! -e $policy.aside ] || as_root mv $policy.aside $policy
}

# It was not started, and is not to start with the machine either.
disable_service() {
    [ -e "/lib/systemd/system/$1.service" ] || [ -e "/etc/init.d/$1" ] || return 0
    ! has update-rc.d || as_root update-rc.d "$1" disable
    ! has systemctl || as_root systemctl --quiet disable "$1.service"
}

# build NAME CMAKE_ARGUMENT...: configure and build $tree into build/NAME.
build() {
    name=$1
    shift
    quietly cmake -S "$tree" -B "$tree/build/$name" -G Ninja "$@"
    quietly cmake --build "$tree/build/$name"
}
