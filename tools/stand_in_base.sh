#!/usr/bin/env bash
# Makes a stand-in for python:3.11-slim from Debian's own packages, for machines that reach no image registry.
#
#   sudo tools/stand_in_base.sh [TAG]      then      make image BASE=TAG
#
# It needs root, a Docker daemon and mmdebstrap; packages come from where the machine's apt takes them, or from
# DEBIAN_MIRROR. The machine's CA bundle, pip's certificate and index and the
# proxy settings go into the stand-in, so that the build reaches what the machine reaches. It is for building and
# testing; images that are shipped are built from the real base.
set -euo pipefail

tag=${1:-trimtab-base:bookworm}
suite=bookworm
# The machine's own source of that suite, unless another is named.
source=(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' "Release: $suite" 'Component: main')
mirror=${DEBIAN_MIRROR:-$("${source[@]}" | head -n 1)}
packages=python3,python3-pip,ca-certificates,netbase,tzdata

say() { echo "stand-in base: $*" >&2; }

if docker image inspect "$tag" >/dev/null 2>&1; then
    say "$tag exists already; remove it to make it anew: docker rmi $tag"
    exit 0
fi
command -v mmdebstrap >/dev/null || { say "mmdebstrap is missing: apt-get install mmdebstrap"; exit 1; }
docker version >/dev/null || { say "no Docker daemon answers: apt-get install docker.io, then start dockerd"; exit 1; }
[ -n "$mirror" ] || { say "apt has no source of Debian $suite here: set DEBIAN_MIRROR to one"; exit 1; }
[ "$(id -u)" = 0 ] || { say "must be run as root, to make files of root's"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "installing $packages of Debian $suite from $mirror"
mmdebstrap --quiet --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*' \
    "$suite" "$work/root" "$mirror"

say "linking python and pip where the official image has them: /usr/local/bin"
for name in python python3 python3.11; do ln -s /usr/bin/python3.11 "$work/root/usr/local/bin/$name"; done
ln -s /usr/bin/pip3 "$work/root/usr/local/bin/pip"

bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
if [ -s "$bundle" ]; then
    say "taking over this machine's CA bundle, $bundle"
    cp "$bundle" "$work/root/etc/ssl/certs/ca-certificates.crt"
fi
{
    echo "[global]"
    echo "cert = /etc/ssl/certs/ca-certificates.crt"
    for key in index-url proxy; do
        # As pip does: the environment before its files.
        for name in ":env:.$key" "global.$key"; do
            value=$(python3 -m pip config get "$name" 2>/dev/null) && echo "$key = $value" && break
        done
    done
    true
} >"$work/root/etc/pip.conf"

say "importing it as $tag"
changes=(--change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin'
    --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]')
tar -C "$work/root" --numeric-owner -c . | docker import --message "stand-in for python:3.11-slim" \
    "${changes[@]}" - "$tag" >/dev/null
say "made $tag, $(docker image inspect --format '{{.Size}}' "$tag" | numfmt --to=si)B"
