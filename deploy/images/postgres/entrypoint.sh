#!/bin/bash
# Of the official image's contract: POSTGRES_PASSWORD (or POSTGRES_PASSWORD_FILE), POSTGRES_USER, POSTGRES_DB,
# POSTGRES_INITDB_ARGS, PGDATA, and options of the server as arguments. What is not kept is refused, not passed over.
set -euo pipefail

refuse() {
    echo "$1" >&2
    exit 1
}

[[ ${1:-} == -* ]] && set -- postgres "$@"

if [[ ${1:-} == postgres && ! -s $PGDATA/PG_VERSION ]]; then
    [[ -d /docker-entrypoint-initdb.d && -n $(ls -A /docker-entrypoint-initdb.d) ]] &&
        refuse "Scripts in /docker-entrypoint-initdb.d are not run by this image: use the official one."
    [[ -n ${POSTGRES_HOST_AUTH_METHOD:-} && $POSTGRES_HOST_AUTH_METHOD != scram-sha-256 ]] &&
        refuse "POSTGRES_HOST_AUTH_METHOD can be nothing but scram-sha-256 in this image: use the official one."
    [[ -n ${POSTGRES_PASSWORD_FILE:-} ]] && POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
    [[ -n ${POSTGRES_PASSWORD:-} ]] || refuse "POSTGRES_PASSWORD is missing: give the superuser a password."
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}

    # The arguments are given as a shell writes them, as the official image takes them.
    declare -a arguments=()
    eval "arguments=(${POSTGRES_INITDB_ARGS:-})"
    initdb --pgdata "$PGDATA" --username "$user" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    if [[ $database != postgres ]]; then
        printf 'CREATE DATABASE "%s"\n' "${database//\"/\"\"}" | postgres --single -j -D "$PGDATA" postgres > /dev/null
    fi
fi

unset POSTGRES_PASSWORD
exec "$@"
