#!/usr/bin/env bash
# Installs what some tests drive, where that is possible: Chromium and PostgreSQL, as root on Debian or
# Ubuntu. Elsewhere those tests are skipped by name. Never fails, asks nothing, is safe to run again.
set -uo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "test: without ${missing[*]} some tests are skipped; remedy: sudo apt-get install ${missing[*]}"
  exit 0
fi
echo "test: installing ${missing[*]} (apt-get, about a minute)"
# The tests start a cluster of their own: the package need not.
conf=/etc/postgresql-common/createcluster.conf
[ -e "$conf" ] || { mkdir -p "${conf%/*}" && echo 'create_main_cluster = false' >"$conf"; }
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
  echo "test: they could not be installed; the tests that need them are skipped"
exit 0
