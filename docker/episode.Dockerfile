# The one image that every episode and every grading runs in. Built by `python -m sandbox.engine.image`,
# which names it by the hash of this folder's inputs.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# Every command of an agent starts a bash: linked statically, with its locale in one file, it starts in half the time.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      bash-static gcc git libc6-dev libnss-extrausers python-is-python3 python3 python3-numpy python3-scipy python3-sklearn \
 && mv /bin/bash-static /bin/bash \
 && localedef --add-to-archive /usr/lib/locale/C.utf8 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt

# The door's forwarder is a user of its own, and so is the agent of each box: all user ids that the
# host may choose for it (sandbox/engine/hardening.py) have the name agent. Mount points exist beforehand because
# the root is read-only. Nothing may raise its privileges: no file keeps a set-uid or set-gid bit.
RUN seq 20000 24095 | sed 's,.*,agent:x:&:&::/work:/bin/bash,' > /var/lib/extrausers/passwd \
 && seq 20000 24095 | sed 's,.*,agent:x:&:,' > /var/lib/extrausers/group \
 && sed -i -E 's/^(passwd|group):.*/\1: files extrausers/' /etc/nsswitch.conf \
 && useradd --uid 1001 --no-create-home --home-dir / --shell /usr/sbin/nologin door \
 && mkdir -p /agent /task /work /logs \
 && find / -xdev -type f -perm /6000 -exec chmod ug-s {} +

# The scaffold starts with its bytecode cache pointed here, so that a forged .pyc beside a source
# file is never run. Filled once: an empty one costs some 200 ms at every start.
RUN mkdir -p /opt/tidegauge/pycache \
 && python3 -X pycache_prefix=/opt/tidegauge/pycache -m compileall -q /usr/lib/python3.11 -x 'test|lib2to3|idlelib' || true

COPY runner/ /opt/tidegauge/
RUN python3 -X pycache_prefix=/opt/tidegauge/pycache -m compileall -q /opt/tidegauge -x pycache
ENTRYPOINT ["python3", "-ISB", "-X", "pycache_prefix=/opt/tidegauge/pycache", "/opt/tidegauge"]
