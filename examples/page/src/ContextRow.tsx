import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import { Failure } from "./Failure";
import { type FragmentType, graphql, readFragment } from "./gql";
import { Refusals } from "./Refusals";

const ROW = graphql(`
  fragment ContextRow on Context {
    id
    name
    updatedAt
    owner {
      id
      displayName
    }
    connections(first: 1) {
      totalCount
    }
  }
`);

const RENAME = graphql(`
  mutation RenameContext($input: UpdateContextInput!) {
    updateContext(input: $input) {
      context {
        id
        name
        updatedAt
      }
      errors {
        ...Refusal
      }
    }
  }
`);

export function ContextRow({ context }: { context: FragmentType<typeof ROW> }) {
  const row = readFragment(ROW, context);
  const [{ data, error }, rename] = useMutation(RENAME);
  const [draft, setDraft] = useState<string | null>(null);
  const [isRefused, setRefused] = useState(false);

  function edit() {
    setDraft(row.name);
    setRefused(false);
  }

  async function save(event: FormEvent) {
    event.preventDefault();
    setDraft(null); // the cache shows the new name already
    const input = { chittyId: row.id, name: draft, ifUpdatedAt: row.updatedAt };
    const result = await rename({ input });
    if (result.data?.updateContext.context) return;
    setDraft(draft);
    setRefused(true);
  }

  return (
    <tr>
      <td>
        {draft === null ? (
          row.name
        ) : (
          <form onSubmit={save}>
            <input
              aria-label="New name"
              autoFocus
              value={draft}
              onChange={(event) => setDraft(event.target.value)}
            />
            <button type="submit">Save</button>
            <button type="button" onClick={() => setDraft(null)}>
              Cancel
            </button>
            {isRefused && <Refusals of={data?.updateContext.errors} />}
            {isRefused && error && <Failure error={error} />}
          </form>
        )}
      </td>
      <td>{row.owner.displayName}</td>
      <td className="number">{row.connections.totalCount}</td>
      <td>
        <time dateTime={row.updatedAt}>{new Date(row.updatedAt).toLocaleDateString()}</time>
      </td>
      <td>
        {draft === null && (
          <button type="button" onClick={edit} aria-label={`Rename ${row.name}`}>
            Rename
          </button>
        )}
      </td>
    </tr>
  );
}
