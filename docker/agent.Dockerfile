# The agent: one WireGuard node for the panel. It needs NET_ADMIN and no other capability.
# Built from the top of the repository: docker build -f docker/agent.Dockerfile .
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS wheels
COPY agent /build/agent
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile "/build/agent[enrol]" \
    && /opt/venv/bin/pip uninstall --yes pip

FROM ${BASE}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="wgpanel-agent" \
      org.opencontainers.image.description="The agent that wgpanel talks to on each WireGuard node" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# wireguard-go carries the tunnels where the kernel has no WireGuard; wg-quick starts it by itself.
# hadolint ignore=DL3008  # a base image has one version of each, that of its release
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
               iproute2 nftables wireguard-go wireguard-tools \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -m 0700 /etc/wgpanel-agent /etc/wireguard /var/lib/wgpanel-agent
COPY --from=wheels /opt/venv /opt/venv
COPY docker/agent_health.py /opt/wgpanel-agent/agent_health.py
RUN python -m compileall -q /opt/venv
VOLUME ["/etc/wgpanel-agent", "/etc/wireguard", "/var/lib/wgpanel-agent"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
    CMD ["python", "/opt/wgpanel-agent/agent_health.py"]
# root, because wg speaks to the kernel and to root's sockets; a root with one capability.
ENTRYPOINT ["wgpanel-agent"]
CMD ["run"]
