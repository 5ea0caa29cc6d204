import { useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef } from "react";

const HINT = "Sent as Authorization: Bearer. It is kept until the page is closed, and not stored.";

/** What there is to say of an answer; nothing where whoever asked was taken for somebody. */
function refusalOf({ status, sent }) {
  if (status === 401) return sent ? "The credential was refused" : "A credential is needed";
  return status === 429 ? "Too many requests: wait a minute" : "";
}

/**
 * A field for an API key or a token, which goes to `onGiven` as it is typed; Enter reads the schema again.
 *
 * `last` is how the last answer was: where it was refused, this says so, and takes the focus where another
 * credential would help.
 */
export function Credential({ last, onGiven }) {
  const { introspect } = useGraphiQLActions();
  const field = useRef(null);
  const refusal = refusalOf(last);
  useEffect(() => {
    if (last.status === 401) field.current.focus();
  }, [last]);

  function typed({ target }) {
    onGiven(target.validity.valid ? target.value.trim() : "");
  }

  function given(event) {
    event.preventDefault();
    introspect();
  }

  // `off` alone does not keep browsers from offering to remember a password.
  return (
    <form className="chitty-credential" data-refused={refusal !== ""} onSubmit={given}>
      <span role="alert">{refusal}</span>
      <input
        aria-label="Credential"
        autoComplete="one-time-code"
        name="credential"
        onChange={typed}
        pattern="\s*[!-~]*\s*"
        placeholder="API key or token"
        ref={field}
        spellCheck={false}
        title={HINT}
        type="password"
      />
    </form>
  );
}
