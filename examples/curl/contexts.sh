#!/bin/sh
# Lists contexts page by page, then renames one and shows what the server refuses.
#
#   API_URL   where the API is, http://127.0.0.1:8000/graphql by default
#   API_KEY   an API key or token, in protected mode
#
# Needs curl and jq.
set -eu

url=${API_URL:-http://127.0.0.1:8000/graphql}

# ask QUERY VARIABLES: the data of the answer; fails with the errors' codes and messages
ask() {
    body=$(jq -n --arg query "$1" --argjson variables "$2" '{$query, $variables}')
    set -- --silent --show-error --header 'content-type: application/json' --data "$body" "$url"
    if [ -n "${API_KEY:-}" ]; then
        # On standard input, so that the key is in no list of processes.
        answer=$(printf 'header = "authorization: Bearer %s"' "$API_KEY" | curl --config - "$@")
    else
        answer=$(curl "$@")
    fi
    printf '%s\n' "$answer" | jq 'if .errors
        then [.errors[] | "\(.extensions.code): \(.message)\n"] | add | halt_error(1)
        else .data end'
}

LIST='query List($after: String) {
  contexts(first: 50, after: $after, orderBy: [{ field: NAME }]) {
    totalCount
    nodes { id name owner { displayName } }
    pageInfo { hasNextPage endCursor }
  }
}'
RENAME='mutation Rename($id: ChittyID!, $name: String!) {
  updateContext(input: { chittyId: $id, name: $name }) {
    context { name }
    errors { code path message }
  }
}'

after=null
while [ -n "$after" ]; do
    page=$(ask "$LIST" "{\"after\": $after}")
    printf '%s\n' "$page" | jq --raw-output '.contexts.nodes[] | "\(.name)\t\(.owner.displayName)"'
    after=$(printf '%s\n' "$page" | jq '.contexts.pageInfo | select(.hasNextPage) | .endCursor')
done

# Refusals of a mutation are data: a name that is taken, for example.
page=$(ask "$LIST" '{}')
answer=$(ask "$RENAME" "$(printf '%s\n' "$page" | jq '.contexts.nodes | {id: .[0].id, name: .[1].name}')")
printf '%s\n' "$answer" | jq --raw-output '.updateContext |
    if .context then "renamed to \(.context.name)"
    else .errors[] | "refused: \(.path | join(".")) \(.message) (\(.code))" end'
