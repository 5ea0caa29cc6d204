/**
 * The id of the shown node that lies next in a direction from the selected one, or of that with most relations if none is selected.
 *
 * Before nodes have places, that of the selected one.
 */
export function towards({ selected, shown, places, relations }, [across, down]) {
  const from = shown.has(selected) ? places.get(selected) : null;
  const others = [...shown].filter((id) => places.has(id) && id !== selected);
  if (!from) return others.toSorted((a, b) => relations.get(b).length - relations.get(a).length)[0] ?? selected;
  let best = selected;
  let least = Infinity;
  for (const id of others) {
    const [x, y] = [places.get(id).x - from.x, places.get(id).y - from.y];
    const along = x * across + y * down;
    const aside = Math.abs(x * down) + Math.abs(y * across);
    const distance = along + 2 * aside;
    if (along > aside * 0.5 && along > 0 && distance < least) [best, least] = [id, distance];
  }
  return best;
}
