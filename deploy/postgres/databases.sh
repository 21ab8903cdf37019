#!/bin/sh
# Two databases, each with an owner, which changes its schema, and a role that its service runs as. Both get the password that stands in
# the URL of their secret; no password is on a command line.
set -eu
secrets=${SECRETS:-/run/secrets}

part() { sed -E "s#^postgres://([^:]+):([^@]+)@[^/]+/([^?]+).*#\\$2#" "$secrets/$1"; }

role() {
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
CREATE ROLE $(part "$1" 1) LOGIN NOSUPERUSER PASSWORD '$(part "$1" 2)';
SQL
}

database() {
  name=$(part "$1" 3)
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
CREATE DATABASE $name OWNER $(part "$2" 1);
REVOKE CONNECT ON DATABASE $name FROM PUBLIC;
GRANT CONNECT ON DATABASE $name TO $(part "$1" 1);
SQL
}

for service in idp bff; do
  role "$service-database-owner-url"
  role "$service-database-url"
  database "$service-database-url" "$service-database-owner-url"
done
