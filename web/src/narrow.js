/** Whether the window is too narrow for panels side by side; page.css has the same width. */
export function isNarrow() {
  return window.matchMedia("(max-width: 960px)").matches;
}
