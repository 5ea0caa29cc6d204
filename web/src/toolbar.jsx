import {
  CopyIcon,
  isMacOs,
  MergeIcon,
  pick,
  PlayIcon,
  PrettifyIcon,
  StopIcon,
  tryParseJSONC,
  useGraphiQL,
  useGraphiQLActions,
} from "@graphiql/react";
import { IconButton } from "./buttons.jsx";
import { ENDPOINT } from "./client.js";
import { useClient } from "./client-context.js";
import { LinkIcon, TerminalIcon } from "./icons.jsx";
import { useNotice } from "./notice.js";
import { isSubscription } from "./operations.js";
import { copy, curlCommand, linkTo } from "./sharing.js";

/** What is done with the operation: run, format, copy, share. */
export function Toolbar() {
  const { mergeQuery, prettifyEditors } = useGraphiQLActions();
  const { queryEditor, variableEditor, headerEditor, operationName } = useGraphiQL(
    pick("queryEditor", "variableEditor", "headerEditor", "operationName"),
  );
  const client = useClient();
  const [notice, tell] = useNotice();

  const operation = () => ({
    query: queryEditor.getValue(),
    variables: variableEditor?.getValue().trim() ?? "",
    operationName: operationName ?? "",
  });

  async function share(text, name) {
    try {
      await copy(text());
      tell(`${name} copied`);
    } catch (error) {
      tell(`Not copied: ${error.message}`);
    }
  }

  function link() {
    const address = linkTo(operation());
    if (!address) throw new Error("the operation is too long for a link");
    return address;
  }

  function curl() {
    const { variables, ...rest } = operation();
    const headers = tryParseJSONC(headerEditor?.getValue()) ?? {};
    return curlCommand(ENDPOINT, {
      ...rest,
      headers: isSubscription(rest) ? { accept: "text/event-stream", ...headers } : headers,
      isAuthorized: client.isAuthorized(),
      isStream: isSubscription(rest),
      variables: strict(variables),
    });
  }

  return (
    <div aria-label="Operation" className="chitty-bar" role="toolbar">
      <Run />
      <span className="chitty-notice" role="status">
        {notice}
      </span>
      <span className="chitty-spacer" />
      <IconButton label="Format (Ctrl-Shift-P)" onClick={prettifyEditors}>
        <PrettifyIcon aria-hidden="true" />
      </IconButton>
      <IconButton label="Merge fragments (Ctrl-Shift-M)" onClick={mergeQuery}>
        <MergeIcon aria-hidden="true" />
      </IconButton>
      <IconButton label="Copy (Ctrl-Shift-C)" onClick={() => share(() => operation().query, "Operation")}>
        <CopyIcon aria-hidden="true" />
      </IconButton>
      <IconButton label="Copy link" onClick={() => share(link, "Link")}>
        <LinkIcon />
      </IconButton>
      <IconButton label="Copy as curl" onClick={() => share(curl, "Command")}>
        <TerminalIcon />
      </IconButton>
    </div>
  );
}

/** Variables as strict JSON: as they are written if they are that, else without comments and trailing commas. */
function strict(text) {
  try {
    JSON.parse(text || "{}");
    return text;
  } catch {
    return JSON.stringify(tryParseJSONC(text));
  }
}

function Run() {
  const { run, setOperationName, stop } = useGraphiQLActions();
  const { operations = [], operationName, isFetching, subscription } = useGraphiQL(
    pick("operations", "operationName", "isFetching", "subscription"),
  );
  const names = operations.map(({ name }) => name?.value).filter(Boolean);
  const key = isMacOs ? "⌘-Enter" : "Ctrl-Enter";
  return (
    <>
      <button
        aria-busy={isFetching && !subscription}
        className="chitty-run"
        onClick={() => (subscription ? stop() : run())}
        title={key}
        type="button"
      >
        {subscription ? <StopIcon aria-hidden="true" /> : <PlayIcon aria-hidden="true" />}
        {subscription ? "Stop" : "Run"}
      </button>
      {names.length > 1 && (
        <select
          aria-label="Operation to run"
          className="chitty-select"
          onChange={({ target }) => setOperationName(target.value)}
          value={operationName ?? names[0]}
        >
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </>
  );
}
