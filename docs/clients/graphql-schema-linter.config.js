// Checks the schema with graphql-schema-linter: copy this file to the folder of schema.graphql; then
//
//     npx graphql-schema-linter schema.graphql
module.exports = {
  // All but those for alphabetical order: types are sorted, their fields stand in the order in which they are read.
  rules: [
    'arguments-have-descriptions',
    'defined-types-are-used',
    'deprecations-have-a-reason',
    'descriptions-are-capitalized',
    'enum-values-all-caps',
    'enum-values-have-descriptions',
    'fields-are-camel-cased',
    'fields-have-descriptions',
    'input-object-values-are-camel-cased',
    'input-object-values-have-descriptions',
    'interface-fields-sorted-alphabetically',
    'relay-connection-arguments-spec',
    'relay-connection-types-spec',
    'relay-page-info-spec',
    'types-are-capitalized',
    'types-have-descriptions',
  ],
  // Connection is a type of the registry and no page.
  ignore: {
    'relay-connection-types-spec': ['Connection'],
    'relay-connection-arguments-spec': [
      'ConnectionEdge.node',
      'ConnectionPayload.connection',
      'Query.connection',
    ],
  },
}
