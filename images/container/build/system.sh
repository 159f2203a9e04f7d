#!/bin/sh
# Makes the system of the container's image: runs in the Dockerfile's first stage, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# What is missing is installed; a base that has all of it needs no network.
missing=
while read -r package; do
  dpkg-query --show --showformat='${Status}' "$package" </dev/null 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
done </build/packages.txt
if [ -n "$missing" ]; then
  apt-get update
  # shellcheck disable=SC2086 # a list of names
  apt-get install --yes --no-install-recommends $missing
fi

# Nothing that builds programs. `git` and others that a base image has for its users stay.
tools=$(dpkg-query --show --showformat='${Package}\n' | grep -E '^(build-essential|dpkg-dev|make|binutils|(gcc|g\+\+|cpp|clang)(-[0-9]+)?)$' || true)
# shellcheck disable=SC2086
[ -z "$tools" ] || apt-get purge --yes --auto-remove $tools

# The runtime brings the agent, of one architecture and at one version.
rm -rf /usr/local/lib/node_modules/@anthropic-ai /usr/lib/node_modules/@anthropic-ai /usr/local/bin/claude /usr/bin/claude

# git is there twice, as two files.
if cmp -s /usr/bin/git /usr/lib/git-core/git; then ln -f /usr/bin/git /usr/lib/git-core/git; fi

# A base of ours has no users who would install more.
ours=
case ${BASE:-} in localhost/cloister-base:*) ours=yes ;; esac
[ -z "$ours" ] || sh /build/slim.sh

# No program gives rights to whoever starts it.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +

# The user of containers that are started without one. Any other number will do: nothing in the image belongs to it.
getent group 1000 >/dev/null || echo 'cloister:x:1000:' >>/etc/group
getent passwd 1000 >/dev/null || echo 'cloister:x:1000:1000::/sessions:/usr/sbin/nologin' >>/etc/passwd

# Copies that only root may read: the kernel lets nobody look into a process that runs such a file, whoever it belongs to.
mkdir -p /opt/cloister/programs
for program in bash bwrap socat; do
  install -m 0711 "$(readlink -f "$(command -v "$program")")" "/opt/cloister/programs/$program"
done

# Places for what is mounted: the root is read-only.
mkdir -p /audit /folders /run/cloister /sessions
chmod 0755 /audit /folders
# Some engines give a file system in memory the mode of the folder that it covers, whatever they were asked.
chmod 1777 /run/cloister /sessions

# What it was made from, and what is in it (CycloneDX 1.6).
mkdir -p /usr/share/cloister
echo "${BASE:-unknown}" >/usr/share/cloister/base
. /etc/os-release
dpkg-query --show --showformat='${Package}\t${Version}\t${Architecture}\n' | LC_ALL=C sort |
  jq --raw-input --slurp --arg distribution "$ID" --slurpfile runtime /build/components.json '
    def deb: split("\t") | {type: "library", name: .[0], version: .[1],
      purl: "pkg:deb/\($distribution)/\(.[0] | @uri)@\(.[1] | @uri)?arch=\(.[2])"};
    {bomFormat: "CycloneDX", specVersion: "1.6", version: 1, components: ((split("\n") | map(select(. != "") | deb)) + $runtime[0])}
    | .components |= (to_entries | map(.value + {"bom-ref": "\(.key)-\(.value.name)"}))' >/usr/share/cloister/sbom.cdx.json

# Last of all what has told of the packages. Scanners read its list.
if [ -n "$ours" ]; then
  xargs -d '\n' sh -c 'for file; do if [ -f "$file" ] || [ -L "$file" ]; then rm -f "$file"; fi; done' sh </var/lib/dpkg/info/dpkg.list
  find /var/lib/dpkg -mindepth 1 -maxdepth 1 -not -name status -exec rm -rf {} +
  rm -rf /usr/share/doc/dpkg /etc/dpkg /usr/lib/dpkg /usr/share/dpkg
fi

# What tells of this build: lists, logs, caches, names of this computer.
apt-get clean 2>/dev/null || true
rm -rf /build /var/lib/apt/lists/* /var/cache/* /var/log/* /tmp/* /var/tmp/* /root/.[!.]* /var/lib/systemd/* /etc/machine-id \
  /var/lib/dbus/machine-id /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /var/lib/dpkg/*-old /etc/ssl/certs/java 2>/dev/null || true
mkdir -p /var/cache /var/log /tmp
chmod 1777 /tmp
