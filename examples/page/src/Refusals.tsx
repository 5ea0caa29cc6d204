import { type FragmentType, graphql, readFragment } from "./gql";

const REFUSAL = graphql(`
  fragment Refusal on UserError {
    code
    path
    message
  }
`);

type Props = { of: readonly FragmentType<typeof REFUSAL>[] | undefined };

/** Why a mutation changed nothing. The path names the input's field, the code never changes. */
export function Refusals({ of: refusals }: Props) {
  if (!refusals?.length) return null;
  return (
    <ul role="alert">
      {readFragment(REFUSAL, refusals).map(({ code, path, message }) => (
        <li key={path.join(".") + message}>
          <b>{path.slice(1).join(".") || "input"}</b> {message} <code>{code}</code>
        </li>
      ))}
    </ul>
  );
}
