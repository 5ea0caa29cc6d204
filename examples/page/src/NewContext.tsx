import type { FormEvent } from "react";
import { useMutation, useQuery } from "urql";
import { Failure } from "./Failure";
import { graphql } from "./gql";
import { Refusals } from "./Refusals";

const OWNERS = graphql(`
  query Owners {
    actors(first: 100, filter: { status: { eq: ACTIVE } }, orderBy: [{ field: DISPLAY_NAME }]) {
      nodes {
        id
        displayName
      }
    }
  }
`);

const CREATE = graphql(`
  mutation CreateContext($input: CreateContextInput!) {
    createContext(input: $input) {
      context {
        id
        name
      }
      errors {
        ...Refusal
      }
    }
  }
`);

export function NewContext() {
  const [{ data: owners }] = useQuery({ query: OWNERS });
  const [{ data, error, fetching }, create] = useMutation(CREATE);

  async function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    const tools = String(fields.get("tools")).split(/[\s,]+/).filter(Boolean);
    const input = { name: String(fields.get("name")), owner: String(fields.get("owner")), tools };
    const result = await create({ input });
    if (result.data?.createContext.context) form.reset();
  }

  return (
    <form onSubmit={save} aria-label="New context">
      <h2>New context</h2>
      <label>
        Name
        <input name="name" />
      </label>
      <label>
        Owner
        <select name="owner">
          {owners?.actors?.nodes.map(({ id, displayName }) => (
            <option key={id} value={id}>
              {displayName ?? id}
            </option>
          ))}
        </select>
      </label>
      <label>
        Tools
        <input name="tools" placeholder="vale, ruff" />
      </label>
      <button type="submit" disabled={fetching}>
        Create
      </button>
      {data?.createContext.context && (
        <p role="status">Created {data.createContext.context.name}.</p>
      )}
      <Refusals of={data?.createContext.errors} />
      {error && <Failure error={error} />}
    </form>
  );
}
