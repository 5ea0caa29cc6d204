import { pick, useGraphiQL, useOperationsEditorState } from "@graphiql/react";
import { getNamedType, isAbstractType, isCompositeType, parse } from "graphql";
import { useMemo, useState } from "react";
import { Arguments } from "./builder-arguments.jsx";
import { DocumentProvider, Tick, useDocument } from "./builder-parts.jsx";
import { useMissingSchema } from "./docs.jsx";
import { edit } from "./editing.js";
import { replaced, withoutSelection, withSelection } from "./edits.js";
import { BuilderIcon } from "./icons.jsx";
import { fieldCode, fragmentCode, setCode } from "./selections.js";

export const BUILDER = { title: "Query builder", icon: () => <BuilderIcon />, content: Builder };

const KINDS = ["query", "mutation", "subscription"];
const NAMES = { query: "MyQuery", mutation: "MyMutation", subscription: "MySubscription" };

/** The schema as a tree to tick: it shows what the operation selects, and writes what is ticked into its text. */
function Builder() {
  const { operationName, queryEditor, schema } = useGraphiQL(pick("operationName", "queryEditor", "schema"));
  const [text] = useOperationsEditorState();
  const reason = useMissingSchema();
  const read = useMemo(() => readDocument(text), [text]);
  const document = useMemo(() => ({ text, change: (made) => edit(queryEditor, made) }), [text, queryEditor]);
  return (
    <section aria-label="Query builder" className="chitty-builder">
      <h2>Query builder</h2>
      {reason && <p className="chitty-reason">{reason}</p>}
      {read.fault && (
        <p className="chitty-reason" role="status">
          Once the operation can be read, it is shown here. {read.fault}
        </p>
      )}
      {schema && !read.fault && (
        <DocumentProvider value={document}>
          <Operation operations={read.operations} schema={schema} selectedName={operationName} />
        </DocumentProvider>
      )}
    </section>
  );
}

function readDocument(text) {
  if (!text.replace(/#.*/g, "").trim()) return { operations: [] };
  try {
    const { definitions } = parse(text);
    return { operations: definitions.filter(({ kind }) => kind === "OperationDefinition") };
  } catch (error) {
    return { fault: error.message, operations: [] };
  }
}

function Operation({ operations, schema, selectedName }) {
  const { text, change } = useDocument();
  const [kind, setKind] = useState(KINDS[0]);
  const operation = operations.find(({ name }) => name?.value === selectedName) ?? operations[0];
  const type = schema.getRootType(operation?.operation ?? kind);

  function begin(field) {
    const code = `${kind} ${NAMES[kind]} {\n  ${fieldCode(field).replaceAll("\n", "\n  ")}\n}\n`;
    change({ start: text.length, end: text.length, text: code });
  }

  return (
    <>
      {operation ? (
        <p className="chitty-hint">
          <code>
            {operation.operation} {operation.name?.value}
          </code>
        </p>
      ) : (
        <div aria-label="Kind of operation" className="chitty-choice" role="group">
          {KINDS.filter((each) => schema.getRootType(each)).map((each) => (
            <button
              aria-pressed={each === kind}
              className="chitty-button"
              key={each}
              onClick={() => setKind(each)}
              type="button"
            >
              {each}
            </button>
          ))}
        </div>
      )}
      <Fields
        onEmpty={() => change(replaced(operation, ""))}
        onFirst={begin}
        set={operation?.selectionSet}
        type={type}
      />
    </>
  );
}

/**
 * The fields of a type, ticked if the selection set has them.
 *
 * Without a set, `onFirst` is called with a field that is ticked; with the last one unticked, `onEmpty` is.
 */
function Fields({ type, set, onFirst, onEmpty }) {
  const { text, change } = useDocument();
  const { schema } = useGraphiQL(pick("schema"));
  const selections = set?.selections ?? [];
  const fields = type.getFields ? Object.values(type.getFields()) : [];
  const types = isAbstractType(type) ? schema.getPossibleTypes(type) : [];
  const spreads = selections.filter(({ kind }) => kind === "FragmentSpread");

  const add = (code) => change(withSelection(text, set, code));
  const remove = (node) => (selections.length > 1 ? change(withoutSelection(text, node)) : onEmpty());
  return (
    <ul className="chitty-fields">
      {fields.map((field) => {
        const node = selections.find(({ kind, name }) => kind === "Field" && name.value === field.name);
        const addThis = () => (set ? add(fieldCode(field)) : onFirst(field));
        const removeThis = () => remove(node);
        return <Field field={field} key={field.name} node={node} onAdd={addThis} onRemove={removeThis} />;
      })}
      {types.map((each) => {
        const node = selections.find(({ typeCondition }) => typeCondition?.name.value === each.name);
        const tick = () => (node ? remove(node) : add(fragmentCode(each)));
        return (
          <li key={each.name}>
            <Tick isTicked={Boolean(node)} name={`... on ${each.name}`} onTick={tick} title={each.description} />
            {node && <Fields onEmpty={() => remove(node)} set={node.selectionSet} type={each} />}
          </li>
        );
      })}
      {spreads.map(({ name: { value } }) => (
        <li className="chitty-hint" key={value}>
          ...{value}
        </li>
      ))}
    </ul>
  );
}

function Field({ field, node, onAdd, onRemove }) {
  const { change } = useDocument();
  const type = getNamedType(field.type);
  const begin = () => change({ start: node.loc.end, end: node.loc.end, text: ` ${setCode(type)}` });
  return (
    <li>
      <Tick
        isDeprecated={Boolean(field.deprecationReason)}
        isTicked={Boolean(node)}
        name={node?.alias ? `${node.alias.value}: ${field.name}` : field.name}
        onTick={node ? onRemove : onAdd}
        title={field.deprecationReason ?? field.description}
        type={String(field.type)}
      />
      {node && field.args.length > 0 && <Arguments args={field.args} field={node} />}
      {node && isCompositeType(type) && <Fields onEmpty={onRemove} onFirst={begin} set={node.selectionSet} type={type} />}
    </li>
  );
}
