#!/bin/sh
# Prove the images and compose.yml on this machine: build both, bring the stack up with two web, two
# workers, PostgreSQL, Valkey, Caddy and Prometheus, let three nodes join by token over TLS, and ping
# through a tunnel made by REST.
# Usage: docker/try.sh          As root, with podman, buildah, runc and mmdebstrap of Debian.
#
# Base images are made here from Debian's packages, because not every machine reaches a registry of
# images. All that it makes lies in one temporary folder or is named wgpanel-try-*, and goes with it.
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
compose=$PWD/.venv/bin/podman-compose
suite=trixie   # its Python is 3.13, that of the images
started=$(date +%s)

say() { echo "try: $(($(date +%s) - started)) s: $*" >&2; }

why_not() {
    [ "$(id -u)" -eq 0 ] || { echo "root is needed: it makes containers with networks of their own"; return; }
    for program in podman buildah runc mmdebstrap iptables nsenter ping curl openssl; do
        command -v "$program" >/dev/null || { echo "$program is not installed"; return; }
    done
    [ -x "$compose" ] || { echo "podman-compose is not in .venv: dev/setup test"; return; }
    [ -c /dev/net/tun ] || echo "/dev/net/tun is missing, which wireguard-go needs"
}

# A storage, networks and limits of our own: nothing of the machine's other containers is touched.
write_configuration() {
    cat >"$dir/storage.conf" <<EOF
[storage]
driver = "overlay"
graphroot = "$dir/storage"
runroot = "$dir/run"
EOF
    cat >"$dir/containers.conf" <<EOF
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
static_dir = "$dir/libpod"
tmp_dir = "$dir/tmp"
[network]
network_backend = "netavark"
network_config_dir = "$dir/networks"
EOF
}

# This machine's own certificates come along, so that pip reaches what it reaches here.
# shellcheck disable=SC2016  # mmdebstrap gives its hooks the folder as $1
make_base() { # NAME PACKAGES
    mmdebstrap --quiet --variant=minbase --include="$2" \
        --customize-hook='mkdir -p "$1/usr/local/share/ca-certificates"' \
        --customize-hook='cp -rT /usr/local/share/ca-certificates "$1/usr/local/share/ca-certificates"' \
        --customize-hook='chroot "$1" update-ca-certificates >/dev/null 2>&1' \
        "$suite" "$dir/$1.tar" 2>"$dir/$1.log" || { cat "$dir/$1.log" >&2; return 1; }
    podman import --quiet "$dir/$1.tar" "localhost/wgpanel-try-$1" >/dev/null
    rm "$dir/$1.tar"
}

build() { # NAME DOCKERFILE BASE
    buildah bud --quiet --format docker --isolation=chroot --network=host \
        --build-arg BASE="localhost/wgpanel-try-$3" -f "$2" -t "localhost/wgpanel-try-$1" . \
        >"$dir/$1.log" 2>&1 || { tail -n 40 "$dir/$1.log" >&2; say "cannot build $1"; return 1; }
    say "built the image $1"
}

build_all() {
    make_base services postgresql,valkey-server,caddy,prometheus,ca-certificates,wget & services=$!
    make_base python python3,python3-venv,ca-certificates
    say "made the base image"
    build agent docker/agent.Dockerfile python
    build panel docker/panel.Dockerfile python
    wait "$services"
    build services docker/trial/services.Dockerfile services
    for name in postgres valkey caddy prometheus; do
        podman tag wgpanel-try-services "wgpanel-try-$name"
    done
}

# As README.md says, for a panel whose certificate no public authority has signed.
make_certificate() {
    mkdir "$WGPANEL_CERTIFICATES"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=$WGPANEL_DOMAIN" -addext "subjectAltName=DNS:$WGPANEL_DOMAIN,DNS:localhost" \
        -keyout "$WGPANEL_CERTIFICATES/panel.key" -out "$WGPANEL_CERTIFICATES/panel.crt" 2>/dev/null
    chmod 644 "$WGPANEL_CERTIFICATES/panel.crt"
}

stack() {
    "$compose" -p wgpanel-try -f docker/compose.yml -f docker/own-certificate.yml \
        -f docker/trial/compose.override.yml "$@"
}

clean_up() {
    trap - EXIT INT TERM
    say "cleaning up"
    stack --profile monitoring down --volumes --timeout 5 >"$dir/down.log" 2>&1 || cat "$dir/down.log" >&2
    podman rm --all --force --time 1 >/dev/null 2>&1 || true
    podman network prune --force >/dev/null 2>&1 || true
    umount "$dir/storage/overlay" 2>/dev/null || true
    rm -rf "$dir"
}

reason=$(why_not)
[ -z "$reason" ] || { echo "try: cannot run here: $reason" >&2; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/wgpanel-try-XXXXXX")
export CONTAINERS_STORAGE_CONF="$dir/storage.conf" CONTAINERS_CONF="$dir/containers.conf"
export DISABLE_HC_SYSTEMD=true   # prove.py runs the health checks: no systemd is needed
export TRY_DIR="$dir" WGPANEL_SECRETS="$dir/secrets" WGPANEL_UID=10001
export WGPANEL_HTTP_PORT="${WGPANEL_HTTP_PORT:-18080}" WGPANEL_HTTPS_PORT="${WGPANEL_HTTPS_PORT:-18443}"
export WGPANEL_DOMAIN=panel.home.arpa WGPANEL_CERTIFICATES="$dir/certificate"   # RFC 8375: nobody's
export WGPANEL_URL_FOR_NODES="https://$WGPANEL_DOMAIN:$WGPANEL_HTTPS_PORT"
export WGPANEL_IMAGE=localhost/wgpanel-try-panel POSTGRES_IMAGE=localhost/wgpanel-try-postgres
export VALKEY_IMAGE=localhost/wgpanel-try-valkey CADDY_IMAGE=localhost/wgpanel-try-caddy
export PROMETHEUS_IMAGE=localhost/wgpanel-try-prometheus
trap clean_up EXIT
trap 'exit 130' INT TERM
write_configuration
build_all
docker/secrets.sh "$WGPANEL_SECRETS"
make_certificate
say "the proof begins"
"$python" -m docker.trial.prove
say "done"
