# Sourced by the other scripts: packages, the Swift toolchain, and who builds. Not run by itself.
# shellcheck shell=bash disable=SC2034  # the arrays are for those who source it

set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Debian's names, each with its reason. What links into the executable is linked statically.
packages_build=(
    libseccomp-dev        # compiles seccomp profiles to filters
    libcap-dev            # names and parses capabilities
    libselinux1-dev       # SELinux contexts
    gcc libc6-dev         # compile the stage, a C program of some kB
    binutils              # the linker's helpers of the Swift toolchain
    git                   # Swift's package manager asks it for the state of the tree
)
packages_quickstart=(
    mmdebstrap            # makes a Debian root file system in some seconds
    debian-archive-keyring  # to check what it downloads
    busybox-static        # the root file system where no mirror can be reached
    python3               # edits the configuration
)
packages_test=(
    python3 python3-pytest  # drive the tests that run containers
    crun runc             # the runtimes that observations are compared with
    busybox-static        # a shell for containers
    util-linux            # unshare, nsenter, setpriv
    uidmap                # newuidmap and newgidmap, for an unprivileged user's containers
    iproute2              # makes network devices
    file                  # tells whether the executable is static
    mandoc groff-base     # set the manual's pages, and complain of them
    zsh fish              # read their completions
    dbus-daemon           # a message bus for the D-Bus client to talk to
    criu iptables         # checkpoints; CRIU holds connections up by iptables-restore
    strace                # holds a call up, where a race is tested
)
packages_cri=(
    libarchive-dev        # reads the tar archives of layers
    zlib1g-dev libzstd-dev  # and their compression
    libsqlite3-dev        # records of images, pods and containers, through GRDB
    g++ libstdc++-12-dev  # toml++, which TOMLKit wraps
)
packages_cri_test=(
    docker-registry       # serves images on loopback
    openssl               # its certificate, and the signature of its tokens
    zstd                  # packs a layer
    busybox-static        # what the images have in them
    containernetworking-plugins iptables  # pods' networks, and ports of the host
    crun runc             # runtime handlers beside ours
    iproute2 util-linux   # the network and the namespaces of the tests' place
    python3 python3-pytest
)
packages_bench=(
    crun runc             # the runtimes that are measured beside ours
    busybox-static        # /bin/true for the container
    gcc libc6-dev         # compile the floor and the timer
    strace                # counts system calls
    valgrind              # counts instructions
    util-linux            # unshare, for the view in which all of them run
    python3               # conducts it all
)
packages_vm=(
    qemu-system-x86       # the virtual machine; with virtiofsd in Debian 12
    kmod                  # depmod and modprobe: which modules the guest needs, and in which order
    busybox-static        # the guest's initramfs
    e2fsprogs             # the guest's disk
    xz-utils lz4 zstd     # unpack the kernel, whichever it is packed with
    util-linux            # setpriv: the machine ends with the script
    mmdebstrap            # makes the root of the guest with systemd
    debian-archive-keyring  # to check what that downloads
)
packages_engines=(
    podman conmon         # engines, and what watches Podman's and CRI-O's containers
    docker.io containerd  # dockerd, containerd and ctr
    buildah               # builds images
    runc crun             # the runtimes that the engines come with
    busybox-static        # an image
    mmdebstrap debian-archive-keyring  # make another one: Debian
    docker-registry       # serves images on loopback
    skopeo                # copies images to it, and from it
    umoci                 # makes images of files, and bundles of images
    python3               # conducts it all
)

apus_cri=${APUS_CRI:-$repository/cri/.build/debug/apus-cri}

say() { if [ -t 2 ]; then printf '\033[1m==> %s\033[0m\n' "$*" >&2; else printf '==> %s\n' "$*" >&2; fi; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
now() { date +%s%N; }
# The time since one that `now` gave: milliseconds, or seconds with one decimal.
since() {
    local ms=$((($(now) - $1) / 1000000))
    if [ $ms -lt 1000 ]; then printf '%d ms' $ms; else printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100)); fi
}

need_root() { [ "$(id -u)" = 0 ] || die "containers are made as root: sudo $0"; }

installed() { dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" 2>/dev/null | grep -q '^ii'; }

# Installs what is missing and says what; asks nothing of the network when all is there.
install_packages() {
    command -v dpkg-query >/dev/null || die "not a Debian system: install the equivalents of: $*"
    local missing=() package
    for package in "$@"; do
        # pytest may come from elsewhere, a python of one's own for instance.
        [ "$package" = python3-pytest ] && python3 -m pytest --version >/dev/null 2>&1 && continue
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
        { apt-get update -q >&2 && apt-get install -y -q --no-install-recommends "${missing[@]}" >&2; }
}

# The tests' client speaks gRPC: Debian's modules for Debian's python, PyPI's for any other that is first in PATH.
install_python_modules() {
    python3 -c 'import grpc, google.protobuf' 2>/dev/null && return
    if [ "$(readlink -f "$(command -v python3)")" = "$(readlink -f /usr/bin/python3)" ]; then
        install_packages python3-grpcio python3-protobuf
    else
        say "installing grpcio and protobuf"
        python3 -m pip install -q grpcio protobuf >&2
    fi
}

# A build by root would leave files that the clone's owner cannot replace.
owner=$(stat -c %U "$repository")
as_owner() {
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ]; then
        runuser -u "$owner" -- env "PATH=$PATH" "HOME=$(getent passwd "$owner" | cut -d: -f6)" "$@"
    else
        "$@"
    fi
}

# sudo resets PATH: look where the toolchain is usually put, too.
find_swift() {
    local home directory
    home=$(getent passwd "${SUDO_USER:-$owner}" | cut -d: -f6 || true)
    for directory in ${SWIFT_HOME:+"$SWIFT_HOME/usr/bin"} "$home/.local/share/swiftly/bin" \
        /opt/swift/usr/bin /usr/local/swift/usr/bin /usr/share/swift/usr/bin; do
        command -v swift >/dev/null && break
        [ -x "$directory/swift" ] && PATH=$PATH:$directory
    done
    command -v swift >/dev/null ||
        die "no Swift toolchain (6.1 or later) in PATH or /opt/swift: see https://www.swift.org/install/linux/, or set SWIFT_HOME"
    export PATH
}

apus=${APUS:-$repository/.build/release/apus}

build_release() { as_owner swift build --package-path "$repository" -c release --product apus; }
# What writes the manual's pages and the completions.
build_manual() { as_owner swift build --package-path "$repository" -c release --product apus-manual; }
