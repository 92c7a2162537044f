#!/usr/bin/env bash
# Installs the peers from Debian packages, without starting them: Redis with redis-benchmark, PostgreSQL with initdb and pgbench. What is there is left as
# it is. Needs root or sudo if something is missing.
set -euo pipefail

packages=()
for program in redis-server redis-benchmark; do
  command -v "$program" >/dev/null || { packages+=(redis-server redis-tools); break; }
done
postgres() { # is there a folder with all of its programs?
  local dir
  for dir in "$(dirname "$(command -v postgres || echo /none/postgres)")" /usr/lib/postgresql/*/bin; do
    [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && [ -x "$dir/pgbench" ] && return
  done
  return 1
}
postgres || packages+=(postgresql)
if [ "${#packages[@]}" -eq 0 ]; then
  echo "redis-server, redis-benchmark, postgres, initdb and pgbench are there"
  exit 0
fi

echo "missing: ${packages[*]}"
if ! command -v apt-get >/dev/null; then
  echo "this system has no apt-get: install Redis 7 or newer and PostgreSQL 15 or newer by hand, with redis-benchmark and pgbench" >&2
  exit 1
fi
as=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "run this as root, or install: apt-get install --no-install-recommends ${packages[*]}" >&2; exit 1; }
  as=(sudo)
fi

# Packages start their services unless policy-rc.d says no. A service that we bring is not started at the next boot either.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as[@]}" tee "$policy" >/dev/null
  trap '"${as[@]}" rm -f "$policy"' EXIT
  "${as[@]}" chmod 755 "$policy"
fi
install() { "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; }
"${as[@]}" apt-get update -q
if [[ " ${packages[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  install postgresql-common # it would make a cluster of its own and start it at boot
  "${as[@]}" sed -i -E "s/^#? *create_main_cluster *=.*/create_main_cluster = false/" /etc/postgresql-common/createcluster.conf
fi
install "${packages[@]}"
if command -v systemctl >/dev/null; then
  for service in redis-server postgresql; do
    [[ " ${packages[*]} " == *" $service "* ]] && "${as[@]}" systemctl disable "$service" >/dev/null 2>&1 || true
  done
fi
