#!/bin/bash
# Makes a local base image without any registry: Debian by debootstrap, then `docker import`.
# Usage (as root, on Debian): scripts/make-base.sh IMAGE [--node] [--python DIR]...
#   --node        adds this machine's node binary (the sample benchmark has JavaScript instances)
#   --python DIR  adds an interpreter tree (e.g. a pyenv version, ~/.pyenv/versions/3.9.18) as /opt/python/<name>
# Does nothing when IMAGE was already made by this script with the same options.
set -euo pipefail

usage() { sed -n '2,6p' "$0" | cut -c3- >&2; exit 2; }
[ $# -ge 1 ] && [ "${1#-}" = "$1" ] || usage
image=$1; shift
node= pythons=()
while [ $# -gt 0 ]; do
  case $1 in
    --node) node=$(command -v node) ;;
    --python) [ -x "${2:?--python needs a folder}/bin/python3" ] || { echo "no bin/python3 in $2" >&2; exit 2; }
      pythons+=("$2"); shift ;;
    *) usage ;;
  esac
  shift
done

# Without DEBIAN_MIRROR, debootstrap takes its own default.
suite=${SUITE:-bookworm} mirror=${DEBIAN_MIRROR:-}
recipe=$(echo "$suite ${node:+$(node --version)} ${pythons[*]##*/}" | cat - "$0" | sha256sum | cut -c1-16)
if [ "$(docker image inspect -f '{{index .Config.Labels "assay.base"}}' "$image" 2>/dev/null)" = "$recipe" ]; then
  echo "$image is up to date"; exit 0
fi
command -v debootstrap >/dev/null || { apt-get update -q && apt-get install -qy debootstrap; }

work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
root=$work/root
debootstrap --variant=minbase --include=ca-certificates,git,patch,procps,python3,python3-venv \
  "$suite" "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
[ -z "$node" ] || install -m 755 "$(readlink -f "$node")" "$root/usr/local/bin/node"
versions=("$(chroot "$root" python3 -c 'import platform; print(platform.python_version())')")
for dir in "${pythons[@]}"; do
  versions+=("$(basename "$dir")")
  name=$(basename "$dir") to=$root/opt/python/$(basename "$dir")
  mkdir -p "$to"
  tar -C "$dir" -c --exclude='site-packages/*' --exclude='*/test' --exclude='__pycache__' --exclude='*.a' . | tar -C "$to" -x
  ln -s "/opt/python/$name/bin/python3" "$root/usr/local/bin/python${name%.*}"
  echo "/opt/python/$name/lib" >>"$root/etc/ld.so.conf.d/python.conf"
done
[ ${#pythons[@]} -eq 0 ] || chroot "$root" ldconfig
tar -C "$root" --numeric-owner -c . |
  docker import --change "LABEL assay.base=$recipe assay.base.pythons='${versions[*]}'" \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'CMD ["/bin/bash"]' - "$image" >/dev/null
docker image inspect -f "$image {{.Id}} {{.Size}} bytes" "$image"
