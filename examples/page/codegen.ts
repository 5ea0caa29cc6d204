import type { CodegenConfig } from "@graphql-codegen/cli";
import { addTypenameSelectionDocumentTransform } from "@graphql-codegen/client-preset";

const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: "src/**/*.{ts,tsx}",
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: {
        persistedDocuments: { hashAlgorithm: "sha256" },
        fragmentMasking: { unmaskFunctionName: "readFragment" },
      },
      // The cache asks for __typename everywhere, so the persisted documents have to ask for it too.
      documentTransforms: [addTypenameSelectionDocumentTransform],
      config: {
        scalars: { BigInt: "string", ChittyID: "string", DateTime: "string", JSON: "unknown" },
        strictScalars: true,
        useTypeImports: true,
        enumsAsTypes: true,
      },
    },
  },
};

export default config;
