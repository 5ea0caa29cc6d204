import { useEffect, useRef, useState } from "react";

const HINT = "Sent as Authorization: Bearer. Forgotten when the page is closed; never stored.";

/** The message about the credential for a response; empty if the server accepted the request. */
function refusalOf({ status, sent }) {
  if (status === 401) return sent ? "The credential was refused" : "A credential is needed";
  return status === 429 ? "Too many requests: wait a minute" : "";
}

/**
 * A field for an API key or a token, which calls `onChange` on each keystroke, and `onSubmit` when Enter is pressed.
 *
 * It appears when the server first asks for a credential, so never in open mode. `access` is the last status: if the
 * request was refused, the field shows why, and takes the focus if another credential would help.
 */
export function Credential({ access, onChange, onSubmit }) {
  const [isNeeded, setIsNeeded] = useState(false);
  const field = useRef(null);
  const refusal = refusalOf(access);
  useEffect(() => {
    if (access.status === 401) setIsNeeded(true);
  }, [access]);
  useEffect(() => {
    if (access.status === 401) field.current?.focus();
  }, [access, isNeeded]);
  if (!isNeeded && !refusal) return null;

  function change({ target }) {
    onChange(target.validity.valid ? target.value.trim() : "");
  }

  function submit(event) {
    event.preventDefault();
    onSubmit();
  }

  // With `off`, browsers still offer to save the password.
  return (
    <form className="chitty-credential" data-refused={refusal !== ""} onSubmit={submit}>
      <span role="alert">{refusal}</span>
      {isNeeded && (
        <input
          aria-label="Credential"
          autoComplete="one-time-code"
          name="credential"
          onChange={change}
          pattern="\s*[!-~]*\s*"
          placeholder="API key or token"
          ref={field}
          spellCheck={false}
          title={HINT}
          type="password"
        />
      )}
    </form>
  );
}
