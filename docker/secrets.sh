#!/bin/sh
# Make the secrets that compose.yml needs, where they are missing: each random, none a default.
# Usage: docker/secrets.sh [FOLDER]      FOLDER is docker/secrets; .env beside it says as whom the panel runs.
#
# What exists is never changed, so it can be run again at any time. Keep a copy of wgpanel_field_key
# in a safe place: without it the secrets of all nodes have to be entered again.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/secrets}
panel_uid=10001   # of the image; who is not root cannot give files away, so runs the panel itself

say() { echo "secrets: $*" >&2; }

random_hex() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

random_base64() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }

# Whole or not at all; never over one that somebody else wrote meanwhile.
keep() { # NAME   the content comes from standard input
    draft=$(mktemp "$folder/.draft.XXXXXX")
    cat >"$draft"
    [ -s "$draft" ] || { rm -f "$draft"; say "$1 would be empty"; exit 1; }
    [ "$(id -u)" -ne 0 ] || chown "$panel_uid:$panel_uid" "$draft"
    if ln "$draft" "$folder/$1" 2>/dev/null; then say "created $folder/$1"; fi
    rm -f "$draft"
}

is_missing() { [ ! -e "$folder/$1" ]; }

mkdir -p "$folder"
if [ "$(id -u)" -eq 0 ]; then chown "$panel_uid:$panel_uid" "$folder"; else panel_uid=$(id -u); fi

! is_missing wgpanel_secret_key || random_hex | keep wgpanel_secret_key
! is_missing wgpanel_field_key || random_base64 | keep wgpanel_field_key
! is_missing metrics_token || random_hex | keep metrics_token
! is_missing grafana_password || random_hex | keep grafana_password
! is_missing postgres_password || random_hex | keep postgres_password
! is_missing valkey_password || random_hex | keep valkey_password
# Derived: an address holds its password.
! is_missing database_url ||
    echo "postgres://wgpanel:$(cat "$folder/postgres_password")@postgres:5432/wgpanel" |
    keep database_url
! is_missing redis_url || echo "redis://:$(cat "$folder/valkey_password")@valkey:6379/0" | keep redis_url
! is_missing valkey_conf || echo "requirepass $(cat "$folder/valkey_password")" | keep valkey_conf

# Made by the panel later, with whatever mode and owner the shell gave it.
[ ! -e "$folder/targets_token" ] || {
    chmod 600 "$folder/targets_token"
    [ "$(id -u)" -ne 0 ] || chown "$panel_uid:$panel_uid" "$folder/targets_token"
}

# Compose reads this beside compose.yml: as whom the panel runs, so that it can read its secrets.
env_file=$(dirname "$folder")/.env
[ -e "$env_file" ] || {
    printf 'WGPANEL_UID=%s\n# WGPANEL_DOMAIN=panel.example\n' "$panel_uid" >"$env_file"
    say "created $env_file"
}
