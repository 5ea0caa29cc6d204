#!/bin/sh
# Makes the passwords of the cluster in secrets/ beside this file, once:
#   rqlite-users.json   who may do what on a node, read by the user of rqlite's image
#   server.env          the database's URL, for the servers
#   operator            USER:PASSWORD for rqlite's shell, to look at nodes and remove one
# Run it as root, which gives rqlite-users.json to that user.
set -eu

image_user=1000
folder=$(dirname -- "$0")/secrets
nodes=rqlite-1:4001,rqlite-2:4001,rqlite-3:4001

if [ -e "$folder" ]; then
    echo "$folder exists: nothing is changed" >&2
    exit 1
fi

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

umask 077
made=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$made"' EXIT
server=$(password) node=$(password) operator=$(password)

cat >"$made/rqlite-users.json" <<JSON
[
  {"username": "chittygraph", "password": "$server",
   "perms": ["query", "execute", "status", "ready", "backup", "load"]},
  {"username": "node", "password": "$node", "perms": ["join"]},
  {"username": "operator", "password": "$operator", "perms": ["all"]},
  {"username": "*", "perms": ["ready"]}
]
JSON
echo "CHITTYGRAPH_DATABASE=rqlite://chittygraph:$server@$nodes" >"$made/server.env"
echo "operator:$operator" >"$made/operator"
if [ "$(id -u)" = 0 ]; then
    chown "$image_user" "$made/rqlite-users.json"
elif [ "$(id -u)" != "$image_user" ]; then
    echo "now let the image's user read it: sudo chown $image_user $folder/rqlite-users.json" >&2
fi
mv "$made" "$folder"
