#!/usr/bin/env bash
# Makes sure that a Docker engine answers: uses the one that runs; else, as root on Debian or Ubuntu,
# installs and starts one; else stops with the remedy. Asks nothing and is safe to run again.
set -euo pipefail

say() { printf 'tidegauge: %s\n' "$*" >&2; }
answers() { [ -S "$socket" ] && ping_engine; }
# The engine's ping needs no client program: a bare HTTP request on its socket.
ping_engine() {
  python3 - "$socket" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(3)
try:
    s.connect(sys.argv[1]); s.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
    sys.exit(0 if b" 200 " in s.recv(64) else 1)
except PermissionError:
    sys.exit(13)
except OSError:
    sys.exit(1)
PY
}

case "${DOCKER_HOST:-}" in
  "") socket=/var/run/docker.sock ;;
  unix://*) socket="${DOCKER_HOST#unix://}" ;;
  *) say "DOCKER_HOST is $DOCKER_HOST: boxes share unix sockets with this machine, so the engine must be local."
     say "Unset DOCKER_HOST, or point it at a local unix:// socket."; exit 1 ;;
esac

code=0; answers || code=$?
if [ "$code" = 0 ]; then exit 0; fi
if [ "$code" = 13 ]; then
  say "a Docker engine is there, but $(id -un) may not use $socket."
  say "Remedy: sudo usermod -aG docker $(id -un), then log in again."; exit 1
fi
if [ -n "${DOCKER_HOST:-}" ]; then
  say "no Docker engine answers on DOCKER_HOST=$DOCKER_HOST."
  say "Remedy: start that engine, or unset DOCKER_HOST to use this machine's."; exit 1
fi
if [ "$(id -u)" != 0 ]; then
  say "no Docker engine answers on $socket."
  say "Remedy: start yours (sudo systemctl start docker), or install one (Debian, Ubuntu: sudo apt-get install docker.io)."; exit 1
fi
if ! command -v dockerd >/dev/null; then
  # shellcheck disable=SC1091
  . /etc/os-release
  case " ${ID:-} ${ID_LIKE:-} " in
    *" debian "* | *" ubuntu "*) ;;
    *) say "no Docker engine, and this is not Debian or Ubuntu. Remedy: install Docker 20.10 or later and run again."; exit 1 ;;
  esac
  say "no Docker engine: installing Debian's docker.io (about half a minute)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io >/dev/null
fi
if [ -d /run/systemd/system ]; then
  say "starting the Docker engine by systemd"
  systemctl start docker
else
  log=/var/log/tidegauge-dockerd.log
  say "starting the Docker engine (its log: $log)"
  setsid dockerd >"$log" 2>&1 </dev/null &
fi
for _ in $(seq 60); do
  if answers; then say "the Docker engine answers"; exit 0; fi
  sleep 0.5
done
say "the Docker engine did not answer within 30 s. Remedy: see ${log:-journalctl -u docker}, then run again."
exit 1
