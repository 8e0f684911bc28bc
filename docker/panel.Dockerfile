# The panel: every role is this image with another command, `run web|worker|beat|migrate`.
# Built from the top of the repository: docker build -f docker/panel.Dockerfile .
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS wheels
WORKDIR /build
COPY requirements.txt ./
COPY agent ./agent
# The agent comes as a wheel too: an editable install would point into the build.
RUN sed 's/^-e //' requirements.txt >image-requirements.txt \
    && python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile -r image-requirements.txt \
    && /opt/venv/bin/pip uninstall --yes pip

FROM ${BASE}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="wgpanel" \
      org.opencontainers.image.description="One panel that runs a fleet of WireGuard servers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WGPANEL_STATE_DIR=/var/lib/wgpanel \
    WGPANEL_STATIC_ROOT=/opt/wgpanel-static
RUN groupadd --gid 10001 wgpanel \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/wgpanel \
               --shell /usr/sbin/nologin wgpanel \
    && install -d -o 10001 -g 10001 -m 0755 /var/lib/wgpanel
COPY --from=wheels /opt/venv /opt/venv
WORKDIR /opt/wgpanel
COPY . .
# Keys of the moment: nothing that is collected depends on them, and they leave with the folder.
RUN keys=$(mktemp -d) \
    && python -m wgpanel.secret_files "$keys" \
    && WGPANEL_STATE_DIR=$keys python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf "$keys" \
    && python -m compileall -q /opt/wgpanel /opt/venv
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "/opt/wgpanel/docker/panel_health.py", "web"]
ENTRYPOINT ["python", "/opt/wgpanel/manage.py"]
CMD ["run", "web", "--bind", "0.0.0.0:8000"]
