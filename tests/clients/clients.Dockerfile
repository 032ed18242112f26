# The episode image with public clients of the door in it: only the tests of this folder use it.
ARG BASE
FROM ${BASE}
COPY packages /usr/local/lib/python3.11/dist-packages
RUN python3 -X pycache_prefix=/opt/tidegauge/pycache -m compileall -q /usr/local/lib/python3.11/dist-packages || true
