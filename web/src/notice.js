import { useEffect, useState } from "react";

const SECONDS_SHOWN = 4;

/** What was done just now, which goes away by itself, and a function that tells it. */
export function useNotice() {
  const [notice, setNotice] = useState({ text: "" });
  useEffect(() => {
    if (!notice.text) return;
    const timer = setTimeout(() => setNotice({ text: "" }), SECONDS_SHOWN * 1000);
    return () => clearTimeout(timer);
  }, [notice]);
  return [notice.text, (text) => setNotice({ text })];
}
