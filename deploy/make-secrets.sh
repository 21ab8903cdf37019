#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet, in the folder given (./secrets beside this file by default). What the
# identity provider issues (oidc-client-secret, api-trust-secret) is put there once it runs; until then there is a text of no use.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
host=${POSTGRES_HOST:-postgres:5432}
mkdir -p "$folder"

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
# A container's user reads the file by its mode; nobody else gets into the folder. Its owner writes over it: a container has this very
# file mounted, and would not see another one in its place.
keep() { [ -e "$folder/$1" ] || { printf '%s\n' "$2" >"$folder/$1" && chmod 0644 "$folder/$1"; }; }
url() { keep "$1" "postgres://$2:$(random 24)@$host/$3"; }

for name in postgres-password bff-admin-token token-hash-salt ua-hash-salt csrf-secret-key state-token-key session-secret \
  idp-root-key bff-root-key grafana-admin-password; do
  keep "$name" "$(random 32)"
done
keep idp-admin-secret "sk_live_$(random 32)"
url idp-database-url rekey_idp rekey_idp
url idp-database-owner-url rekey_idp_owner rekey_idp
url bff-database-url rekey_bff rekey_bff
url bff-database-owner-url rekey_bff_owner rekey_bff
keep oidc-client-secret "not-issued-yet-$(random 8)"
keep api-trust-secret "not-issued-yet-$(random 16)"
