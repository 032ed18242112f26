#!/usr/bin/env bash
# Makes a minimal Debian root from Debian's packages, for machines that reach no container registry.
# Argument: the tar file to write. Takes some 20 s and needs root.
set -euo pipefail

target="${1:?tar file to write}"
say() { printf 'tidegauge: %s\n' "$*" >&2; }

if [ "$(id -u)" != 0 ]; then
  say "no container registry is reachable, and making a base image needs root."
  say "Remedy: run the same command once with sudo, or docker pull debian:bookworm-slim where a registry is reachable."; exit 1
fi
if ! command -v mmdebstrap >/dev/null; then
  command -v apt-get >/dev/null || { say "mmdebstrap is missing. Remedy: install it and run again."; exit 1; }
  say "installing mmdebstrap"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring >/dev/null
fi
say "making a base image from Debian's packages (some 20 s)"
mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$target"
