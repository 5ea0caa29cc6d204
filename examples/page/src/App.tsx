import { useState } from "react";
import { Contexts } from "./Contexts";
import { LatestChanges } from "./LatestChanges";
import { NewContext } from "./NewContext";

export function App() {
  const [search, setSearch] = useState("");
  return (
    <main>
      <h1>Contexts</h1>
      <label className="search">
        Name contains
        <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
      </label>
      <Contexts key={search} search={search} />
      <NewContext />
      <LatestChanges />
    </main>
  );
}
