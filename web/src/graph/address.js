import { useEffect, useMemo, useState } from "react";
import { viewOf } from "./links.js";

const PAUSE = 400; // milliseconds, after which the address follows the picture

/**
 * Keep the view in the address, and show the one that the address carries; *Back* leads to the picture before.
 *
 * Returns `at`, where that is to be looked at, and `follow`, which is to be called when the picture has moved.
 */
export function useAddress(graph, drawing, state) {
  const [at, setAt] = useState(null);
  const address = useMemo(() => createAddress(graph, () => drawing.current?.at()), [drawing, graph]);
  useEffect(() => {
    const open = () => setAt(address.open());
    open();
    window.addEventListener("hashchange", open);
    return () => window.removeEventListener("hashchange", open);
  }, [address]);
  useEffect(address.follow, [address, state]);
  return { at, follow: address.follow };
}

function createAddress(graph, lookedAt) {
  let timer;
  let begun = 0; // the picture that the address tells of

  /** Show what the address says; returns the place that it looks at, or null. */
  function open() {
    const { view, ...told } = viewOf(window.location.hash);
    if (Object.keys(view).length || told.ignored.length || told.isTooLong) graph.restore(view, told);
    else graph.clear();
    begun = graph.snapshot().begun;
    return view.at?.length === 3 ? view.at : null;
  }

  function write() {
    const state = graph.snapshot();
    if (state.busy || state.failure || state.isInVain) return; // the address still says what is to be shown
    const link = state.nodes.size ? graph.link(lookedAt()) : "";
    if (link === null) return; // more than a link may have: the last view that fitted stays
    const { hash, pathname, search } = window.location;
    const next = link && new URL(link).hash;
    const change = state.begun === begun || !hash ? "replaceState" : "pushState";
    begun = state.begun;
    if (next !== hash) window.history[change](null, "", `${pathname}${search}${next}`);
  }

  function follow() {
    clearTimeout(timer);
    timer = setTimeout(write, PAUSE);
  }

  return { open, follow };
}
