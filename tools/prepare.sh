#!/usr/bin/env bash
# Install the programs that `make wheels`, `make cpus` and `make platforms` need: podman, debootstrap, emulators of other processors.
# Usage: tools/prepare.sh COMMAND ...   (each COMMAND is installed if it is missing)
set -euo pipefail

declare -A package=(
    [podman]=podman [runc]=runc [debootstrap]=debootstrap
    [qemu-aarch64-static]=qemu-user-static [qemu-x86_64-static]=qemu-user-static
    [aarch64-linux-gnu-gcc]=gcc-aarch64-linux-gnu [x86_64-w64-mingw32-gcc]=gcc-mingw-w64-x86-64 [wine]=wine
)
export PATH="$PATH:/usr/sbin:/sbin"
missing=()
for program in "$@"; do
    command -v "$program" > /dev/null || [[ " ${missing[*]} " == *" ${package[$program]} "* ]] ||
        missing+=("${package[$program]}")
done
if [ "$(id -u)" != 0 ] && [[ " $* " == *" podman "* ]]; then
    missing+=("root, which is needed to make and run containers of another system")
fi
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
        printf -v list ', %s' "${missing[@]}"
        echo "missing: ${list:2} (as root, this script installs programs with apt-get)" >&2
        exit 1
    fi
    echo "==> Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

# The kernel runs aarch64 programs in the emulator, in containers too (F: the emulator is opened now, outside them).
binfmt=/proc/sys/fs/binfmt_misc
if [[ " $* " == *" podman "* && " $* " == *" qemu-aarch64-static "* ]] && [ ! -e $binfmt/qemu-aarch64 ]; then
    magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    { [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt 2> /dev/null; } &&
        echo ":qemu-aarch64:M::$magic:$mask:$(command -v qemu-aarch64-static):OF" > $binfmt/register || {
        echo "missing: binfmt_misc, with which the kernel runs aarch64 programs in the emulator" >&2
        exit 1
    }
fi
