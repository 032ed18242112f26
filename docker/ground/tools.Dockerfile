# What a box needs that stands on somebody else's image: the runner, and a Python that brings its own
# libraries. Built on the episode image by sandbox/engine/tools.py; boxes see it read-only at /opt/tidegauge.
ARG BASE
FROM ${BASE}
COPY ground/tools.sh /tmp/tools.sh
RUN sh /tmp/tools.sh /opt/tidegauge/python && rm /tmp/tools.sh
