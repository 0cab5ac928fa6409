#!/bin/sh
# Make every secret of compose.yaml that can be made, each in a file of its own, into a new folder; overwrite nothing.
#   deploy/make-secrets.sh secrets
# The folder is closed to everybody but its owner; the files in it are readable, because the services, which run as
# users without a name, read them through a mount of the single file.
set -eu

folder=${1:?folder to make, for instance: secrets}
umask 077
mkdir "$folder"
cd "$folder"

word() {
    openssl rand -hex 32
}

for service in provider consumer; do
    password=$(word)
    printf '%s' "$password" > "${service}_database_password"
    printf 'postgresql://exchange:%s@%s-db/exchange' "$password" "$service" > "${service}_database_url"
    openssl rand -base64 32 > "${service}_master_key"
    openssl rand -base64 32 > "${service}_identity_master_key"
    word > "${service}_metrics_token"
done
: > smtp_password # fill it in where the mail server asks for one

chmod 0444 ./*
chmod 0700 .
echo "Made in $folder. Keep a copy of the four master keys where the backups are not: without them nothing sealed opens."
