# PostgreSQL, Valkey, Caddy and Prometheus of Debian behind the same words as their official images, for try.sh
# on machines that reach no registry of images.
ARG BASE
FROM ${BASE}
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PGDATA=/var/lib/postgresql/data \
    XDG_DATA_HOME=/data \
    XDG_CONFIG_HOME=/config
COPY docker/trial/docker-entrypoint.sh /usr/local/bin/
RUN install -d -o root -g root /data /config \
    && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data \
    && install -d -o nobody -g nogroup -m 0775 /prometheus
WORKDIR /data
ENTRYPOINT ["docker-entrypoint.sh"]
