{% autoescape off %}#!/bin/sh
# Install wgpanel's agent on this server (Debian 12 or later) and let it join the panel.
# Usage: sh -s -- URL --token TOKEN [--pin PIN]        Says what it does; may be run again.
#        sh install.sh --wait MINUTES --token TOKEN     The panel calls; the wheel is beside this.
# WGPANEL_PREFIX is put before every path that is written, for trying it out.
set -eu

WHEEL="{{ wheel.name }}"
SHA256="{{ wheel.sha256 }}"
PREFIX=${WGPANEL_PREFIX:-}
HOME_DIR="$PREFIX/opt/wgpanel-agent"
UNIT="$PREFIX/etc/systemd/system/wgpanel-agent.service"

say() { echo "wgpanel: $*" >&2; }
fail() { say "$*"; exit 1; }

install_packages() {
    missing=""
    for package in wireguard-tools nftables python3-venv curl ca-certificates; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing Debian packages:$missing"
    apt-get -qq update
    # shellcheck disable=SC2086  # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
}

# Whoever answers: only these bytes are installed.
fetch_wheel() {
    case $2 in
    --wait) cp "$WHEEL" "$1/" || fail "put $WHEEL here, which the panel serves as /agent/$WHEEL" ;;
    *) curl -fsSLk -o "$1/$WHEEL" "$2/agent/$WHEEL" || fail "cannot fetch the agent from $2" ;;
    esac
    echo "$SHA256  $1/$WHEEL" | sha256sum -c - >/dev/null || fail "the agent was altered on its way"
}

install_agent() {
    say "installing the agent in $HOME_DIR"
    [ -x "$HOME_DIR/bin/pip" ] || python3 -m venv "$HOME_DIR"
    "$HOME_DIR/bin/pip" install --quiet --disable-pip-version-check "$1/${WHEEL}[enrol]"
    "$HOME_DIR/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall "$1/$WHEEL"
}

write_unit() {
    mkdir -p "$(dirname "$UNIT")"
    cat >"$UNIT" <<'END_OF_UNIT'
{{ unit }}END_OF_UNIT
}

start() {
    if [ -n "$PREFIX" ] || [ ! -d /run/systemd/system ]; then
        say "no systemd here: start it with $HOME_DIR/bin/wgpanel-agent run"
        return 0
    fi
    systemctl daemon-reload
    systemctl enable --quiet wgpanel-agent
    systemctl restart wgpanel-agent
    say "the agent runs; the panel's page shows when the node is online"
}

# All of it is read before any of it is run: half a script does nothing.
main() {
    [ $# -ge 3 ] || fail "usage: sh -s -- URL --token TOKEN [--pin PIN]"
    [ -n "$PREFIX" ] || [ "$(id -u)" -eq 0 ] || fail "run this as root"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    [ -n "$PREFIX" ] || install_packages
    fetch_wheel "$folder" "${1%/}"
    install_agent "$folder"
    write_unit
    "$HOME_DIR/bin/wgpanel-agent" enrol "$@"
    start
}

main "$@"
{% endautoescape %}
