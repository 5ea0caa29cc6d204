import {
  FieldDocumentation,
  Search,
  TypeDocumentation,
  TypeLink,
  useDocExplorer,
  useDocExplorerActions,
} from "@graphiql/plugin-doc-explorer";
import {
  ChevronLeftIcon,
  DocsIcon,
  MarkdownContent,
  pick,
  Spinner,
  useGraphiQL,
} from "@graphiql/react";
import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isScalarType,
  isType,
  isUnionType,
} from "graphql";
import { useState } from "react";
import { TextButton } from "./buttons.jsx";
import { ENDPOINT } from "./client.js";
import { useClient } from "./client-context.js";
import { save } from "./downloads.js";
import { DownloadIcon } from "./icons.jsx";

export const DOCS = { title: "Documentation", icon: () => <DocsIcon />, content: Docs };

/** The documentation of the schema: its types by kind and name, or one type or field, or why there is none. */
function Docs() {
  const { isIntrospecting, schema, validationErrors } = useGraphiQL(
    pick("isIntrospecting", "schema", "validationErrors"),
  );
  const stack = useDocExplorer();
  const { pop } = useDocExplorerActions();
  const reason = useMissingSchema();
  const { name, def } = stack.at(-1);
  return (
    <section aria-label="Documentation" className="graphiql-doc-explorer">
      <div className="chitty-docs-header">
        {stack.length > 1 && (
          <button className="chitty-back" onClick={pop} type="button">
            <ChevronLeftIcon aria-hidden="true" /> {stack.at(-2).name}
          </button>
        )}
        <h2>{stack.length > 1 ? name : "Documentation"}</h2>
        {schema && <Search key={name} />}
      </div>
      <div className="graphiql-doc-explorer-content">
        {isIntrospecting && !schema && <Spinner />}
        {reason && <p className="chitty-reason">{reason}</p>}
        {validationErrors[0] && <p className="chitty-reason">The schema is invalid: {validationErrors[0].message}</p>}
        {schema && <Shown def={def} isRoot={stack.length === 1} schema={schema} />}
      </div>
    </section>
  );
}

function Shown({ def, isRoot, schema }) {
  if (isRoot) return <Schema schema={schema} />;
  if (isType(def)) return <TypeDocumentation type={def} />;
  return def ? <FieldDocumentation field={def} /> : null;
}

/** Why the schema could not be read, in the server's words; empty if it could, or is being read. */
export function useMissingSchema() {
  const { fetchError, isIntrospecting, schema } = useGraphiQL(pick("fetchError", "isIntrospecting", "schema"));
  if (schema || isIntrospecting || !fetchError) return "";
  try {
    const told = JSON.parse(fetchError);
    const { message } = told.errors?.[0] ?? told;
    return `The schema could not be read: ${message}`;
  } catch {
    return fetchError;
  }
}

const KINDS = [
  ["Objects", () => true],
  ["Interfaces and unions", (type) => isInterfaceType(type) || isUnionType(type)],
  ["Inputs", isInputObjectType],
  ["Enums", isEnumType],
  ["Scalars", isScalarType],
];

function kindOf(type) {
  return KINDS.findLast(([, isOfKind]) => isOfKind(type))[0];
}

function Schema({ schema }) {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(Boolean);
  const types = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !roots.includes(type))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return (
    <>
      {schema.description && <MarkdownContent type="description">{schema.description}</MarkdownContent>}
      <Download />
      <Types name="Operations" types={roots} />
      {KINDS.map(([kind]) => (
        <Types key={kind} name={kind} types={types.filter((type) => kindOf(type) === kind)} />
      ))}
    </>
  );
}

function Types({ name, types }) {
  if (!types.length) return null;
  return (
    <section className="chitty-types">
      <h3>{name}</h3>
      <ul>
        {types.map((type) => (
          <li key={type.name}>
            <TypeLink type={type} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Download() {
  const client = useClient();
  const [failure, setFailure] = useState("");

  async function download() {
    try {
      setFailure("");
      const response = await client.send(new URL("schema.graphql", ENDPOINT));
      if (!response.ok) throw new Error(`the server answered with ${response.status}`);
      save(await response.blob(), "schema.graphql");
    } catch (error) {
      setFailure(`Not downloaded: ${error.message}`);
    }
  }

  return (
    <p className="chitty-download">
      <TextButton onClick={download}>
        <DownloadIcon /> schema.graphql
      </TextButton>
      <span role="alert">{failure}</span>
    </p>
  );
}
