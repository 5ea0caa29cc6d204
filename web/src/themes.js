/** Colours of the editors; page.css has those of everything else. All have a contrast of 4.5 with their ground. */

const DARK = {
  "": "e4e6ee",
  comment: "9aa3b2",
  keyword: "b9a9ff",
  "type.identifier": "7fd1ff",
  "key.identifier": "e4e6ee",
  "argument.identifier": "c9b8ff",
  string: "8fdcb0",
  "string.key.json": "b9c9ff",
  "string.value.json": "8fdcb0",
  number: "ffc37a",
};
const LIGHT = {
  "": "23283a",
  comment: "5f6b7a",
  keyword: "5b36d6",
  "type.identifier": "0b62a8",
  "key.identifier": "23283a",
  "argument.identifier": "6a45c9",
  string: "19703f",
  "string.key.json": "3443a8",
  "string.value.json": "19703f",
  number: "9a4a00",
};

// The names are those of GraphiQL's themes, which these replace.
export function defineThemes(monaco) {
  define(monaco, "graphiql-DARK", "vs-dark", DARK, { accent: "#b3a6ff", ground: "#1c1f2b", line: "#7f889b" });
  define(monaco, "graphiql-LIGHT", "vs", LIGHT, { accent: "#5b3fd6", ground: "#ffffff", line: "#6a7385" });
}

function define(monaco, name, base, tokens, { accent, ground, line }) {
  const rules = Object.entries(tokens).flatMap(([token, foreground]) =>
    (token.endsWith(".json") ? [token] : [token, token && `${token}.gql`]).map((each) => ({ token: each, foreground })),
  );
  monaco.editor.defineTheme(name, {
    base,
    inherit: true,
    rules,
    colors: {
      "editor.background": "#ffffff00",
      "editor.foreground": `#${tokens[""]}`,
      "editorLineNumber.foreground": line,
      "editorLineNumber.activeForeground": accent,
      "editorHoverWidget.background": ground,
      "editorSuggestWidget.background": ground,
      "editorSuggestWidget.selectedBackground": `${accent}29`,
      "editorSuggestWidget.selectedForeground": `#${tokens[""]}`,
      "editorSuggestWidget.highlightForeground": accent,
      "editorSuggestWidget.focusHighlightForeground": accent,
      "editorWidget.background": ground,
      "list.hoverBackground": `${accent}1a`,
      "list.highlightForeground": accent,
      "menu.background": ground,
      "quickInput.background": ground,
      "scrollbar.shadow": "#00000000",
      "textLink.foreground": accent,
      focusBorder: accent,
    },
  });
}
