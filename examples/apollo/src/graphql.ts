import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./schema.d.ts";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { BigInt: string; ChittyID: string; DateTime: string; JSON: unknown };
  disableMasking: true;
}>();
