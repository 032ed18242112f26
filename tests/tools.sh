#!/usr/bin/env bash
# Installs what some tests drive, where that is possible: the package harbor in an environment of its own, which needs
# Python 3.12 or later; Chromium and PostgreSQL, as root on Debian or Ubuntu. Elsewhere those tests are skipped by
# name. Never fails, asks nothing, is safe to run again.
set -uo pipefail

# Its loader alone, without the dozens of packages that the rest of it needs.
loader() {
  local listed=tests/harbor/requirements.txt place=.venv-harbor python
  cmp -s "$listed" "$place/installed.txt" && return
  for python in python3 python3.14 python3.13 python3.12 "${HOME:-/root}"/.pyenv/versions/3.1[2-9]*/bin/python; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || continue
    echo "test: installing the loader of the package harbor (10 seconds)"
    "$python" -m venv "$place" &&
      "$place/bin/python" -m pip install -qq --disable-pip-version-check --no-deps -r "$listed" 2>/dev/null &&
      cp "$listed" "$place/installed.txt" && return
    echo "test: it could not be installed; the test that needs it is skipped"
    rm -rf "$place"
    return
  done
  echo "test: without Python 3.12 the test that drives the package harbor is skipped"
}
cd "$(dirname "$0")/.." && loader

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
