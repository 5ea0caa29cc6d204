import { useEffect, useRef } from "react";

/**
 * Lead the focus to the picture once the element that has it is gone or disabled, as *Expand* and *Remove* are when they are done.
 *
 * Returns what is to be told of elements that get the focus.
 */
export function useFocusKept(drawing, state) {
  const last = useRef(null);
  useEffect(() => {
    const { current: element } = last;
    if (!element || (element.isConnected && !element.disabled)) return;
    last.current = null;
    if ([element, document.body].includes(document.activeElement)) drawing.current.focus();
  }, [drawing, state]);
  return ({ target }) => {
    last.current = target;
  };
}
