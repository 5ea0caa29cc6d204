// Checks the operations in src/ with GraphQL-ESLint, and the schema with its rules for Relay. Copy this file and
// eslint-suppressions.json to the folder of schema.graphql; then
//
//     npm install -D eslint @graphql-eslint/eslint-plugin graphql @typescript-eslint/parser typescript
//     npx eslint .
import graphql from '@graphql-eslint/eslint-plugin'
import typescript from '@typescript-eslint/parser'

const parserOptions = {
  graphQLConfig: { schema: './schema.graphql', documents: ['./src/**/*.{graphql,js,jsx,ts,tsx}'] },
}
const checks = { plugins: { '@graphql-eslint': graphql }, languageOptions: { parser: graphql.parser, parserOptions } }

export default [
  // Operations within JavaScript and TypeScript are checked like those in files of their own.
  {
    files: ['src/**/*.{js,jsx,ts,tsx}'],
    languageOptions: { parser: typescript, parserOptions: { ecmaFeatures: { jsx: true } } },
    processor: graphql.processor,
  },
  {
    ...checks,
    files: ['src/**/*.graphql'],
    rules: {
      ...graphql.configs['flat/operations-recommended'].rules,
      // Caches recognise an object by its id.
      '@graphql-eslint/require-selections': ['error', { fieldName: 'id' }],
      // CHITTYGRAPH_MAX_DEPTH counts the root field too, this rule does not.
      '@graphql-eslint/selection-set-depth': ['error', { maxDepth: 19 }],
    },
  },
  {
    ...checks,
    files: ['schema.graphql'],
    rules: {
      // eslint-suppressions.json has the exceptions: Connection is a type of the registry and no page, so it has no
      // `edges`, and fields that return one take no `first`.
      ...graphql.configs['flat/schema-relay'].rules,
      // Pages have `nodes` beside `edges`, and lists of texts are no pages.
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
    },
  },
]
