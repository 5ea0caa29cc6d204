import { getNullableType, isEnumType, isInputObjectType, isListType, parseValue } from "graphql";
import { useState } from "react";
import { Tick, useDocument } from "./builder-parts.jsx";
import { TextButton } from "./buttons.jsx";
import { replaced, withArgument, withListItem, withObjectField, withoutArgument, withoutObjectField } from "./edits.js";
import { valueCode } from "./selections.js";

const STRINGS = ["ID", "String"];
const LITERALS = ["Int", "Float", "JSON"]; // written as they are; all other scalars are strings

/** The arguments of a field, to tick and to fill. */
export function Arguments({ args, field }) {
  const { text, change } = useDocument();
  const given = field.arguments;
  return (
    <details className="chitty-arguments" open={given.length > 0}>
      <summary>Arguments</summary>
      <Inputs
        given={given}
        inputs={args}
        onAdd={(code) => change(withArgument(text, field, code))}
        onRemove={(node) => change(withoutArgument(text, field, node))}
      />
    </details>
  );
}

/** Arguments, or fields of an input object: `given` are their nodes in the document. */
function Inputs({ inputs, given, onAdd, onRemove }) {
  return (
    <ul className="chitty-fields">
      {inputs.map((input) => {
        const node = given.find(({ name }) => name.value === input.name);
        const add = () => onAdd(`${input.name}: ${valueCode(input.type, input.name)}`);
        return (
          <li key={input.name}>
            <Tick
              isDeprecated={Boolean(input.deprecationReason)}
              isTicked={Boolean(node)}
              name={input.name}
              onTick={() => (node ? onRemove(node) : add())}
              title={input.deprecationReason ?? input.description}
              type={String(input.type)}
            />
            {node && <Value name={input.name} type={input.type} value={node.value} />}
          </li>
        );
      })}
    </ul>
  );
}

/** The value that the document gives: to change, except for a variable, whose value is among the variables. */
function Value({ name, type: declared, value }) {
  const { text, change } = useDocument();
  const type = getNullableType(declared);
  const replace = (code) => change(replaced(value, code));
  const source = text.slice(value.loc.start, value.loc.end);
  if (value.kind === "Variable" || value.kind === "NullValue") return <code className="chitty-value">{source}</code>;
  if (isListType(type) && value.kind === "ListValue") return <List name={name} type={type.ofType} value={value} />;
  const inner = isListType(type) ? getNullableType(type.ofType) : type;
  if (isInputObjectType(inner) && value.kind === "ObjectValue") {
    return (
      <Inputs
        given={value.fields}
        inputs={Object.values(inner.getFields())}
        onAdd={(code) => change(withObjectField(text, value, code))}
        onRemove={(node) => change(withoutObjectField(value, node))}
      />
    );
  }
  if (isEnumType(inner)) {
    return <Choice name={name} onChange={replace} options={inner.getValues().map((each) => each.name)} value={source} />;
  }
  if (inner.name === "Boolean") {
    return <Choice name={name} onChange={replace} options={["true", "false"]} value={source} />;
  }
  if (LITERALS.includes(inner.name) || (value.kind !== "StringValue" && !STRINGS.includes(inner.name))) {
    return <Literal key={source} name={name} onChange={replace} source={source} />;
  }
  return (
    <input
      aria-label={name}
      className="chitty-value"
      onChange={({ target }) => replace(JSON.stringify(target.value))}
      spellCheck={false}
      value={value.value ?? source}
    />
  );
}

function List({ name, type, value }) {
  const { text, change } = useDocument();
  return (
    <>
      {value.values.map((item, index) => (
        <Value key={index} name={`${name} ${index + 1}`} type={type} value={item} />
      ))}
      <TextButton className="chitty-value" onClick={() => change(withListItem(text, value, valueCode(type)))}>
        Add to {name}
      </TextButton>
    </>
  );
}

function Choice({ name, onChange, options, value }) {
  return (
    <select aria-label={name} className="chitty-value" onChange={({ target }) => onChange(target.value)} value={value}>
      {options.map((option) => (
        <option key={option}>{option}</option>
      ))}
    </select>
  );
}

/** A number or another literal: it goes into the document while it can be read. */
function Literal({ name, onChange, source }) {
  const [draft, setDraft] = useState(source);
  const isReadable = canBeRead(draft);
  return (
    <input
      aria-invalid={!isReadable}
      aria-label={name}
      className="chitty-value"
      onBlur={() => isReadable && draft !== source && onChange(draft)}
      onChange={({ target }) => setDraft(target.value)}
      onKeyDown={({ key }) => key === "Enter" && isReadable && onChange(draft)}
      spellCheck={false}
      value={draft}
    />
  );
}

function canBeRead(text) {
  try {
    parseValue(text);
    return true;
  } catch {
    return false;
  }
}
