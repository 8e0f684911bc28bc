#!/bin/sh
# What the entry points of the official images do, as far as compose.yml counts on it. PostgreSQL and
# Valkey begin as root, hand the data over, go on as the service's own user; that of Prometheus is the
# program itself, which is told its options.
set -eu

as() { # USER WORDS…
    user=$1; shift
    exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"
}

init_postgres() {
    chown -R postgres:postgres "$PGDATA"
    [ ! -s "$PGDATA/PG_VERSION" ] || return 0
    install -o postgres -m 0600 "$POSTGRES_PASSWORD_FILE" /tmp/password
    # shellcheck disable=SC2016  # the inner shell reads the variables
    setpriv --reuid=postgres --regid=postgres --init-groups -- sh -eu -c '
        initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 >/dev/null
        echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
        pg_ctl --wait --silent -o "-c listen_addresses=" start >/dev/null
        createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
        pg_ctl --wait --silent --mode=fast stop'
    rm /tmp/password
}

case $1 in
    postgres) init_postgres
              as postgres postgres -c "listen_addresses=*" ;;
    valkey-server) chown -R valkey:valkey /data
                   as valkey "$@" ;;
    --*) exec prometheus "$@" ;;
    *) exec "$@" ;;
esac
