#!/bin/sh
# Makes a Python under $1 that needs nothing of the root it runs in: started by its own loader, with the libraries
# beside it, it runs in an image of any distribution of Linux, or of none.
set -eu
target=$1
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
mkdir -p "$target/bin" "$target/lib"
cp "$(readlink -f "$(command -v python3)")" "$target/bin/python3"
cp -r "/usr/lib/python$version" "$target/lib/"
for part in test lib2to3 idlelib tkinter turtledemo ensurepip pydoc_data __pycache__; do
  rm -rf "$target/lib/python$version/$part"
done
find "$target" -name __pycache__ -prune -exec rm -rf {} +
# ldd names libraries after "=>", and the loader alone.
ldd "$target/bin/python3" "$target/lib/python$version"/lib-dynload/*.so 2>/dev/null \
  | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | while read -r library; do cp -L "$library" "$target/lib/"; done
cp -L "$(ldd "$target/bin/python3" | awk '$1 ~ /\/ld-linux/ { print $1 }')" "$target/ld.so"
run() { "$target/ld.so" --library-path "$target/lib" "$target/bin/python3" -ISX pycache_prefix=/opt/tidegauge/pycache "$@"; }
run -m compileall -q "$target/lib/python$version" /opt/tidegauge/*.py || true
run -c 'import ctypes, hashlib, http.client, json, selectors, socket, ssl, subprocess'
