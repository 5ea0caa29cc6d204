import { Suspense, useState } from "react";
import { graphql, useLazyLoadQuery } from "react-relay";
import type { AppQuery } from "./__generated__/AppQuery.graphql";
import { Installations } from "./Installations";
import { InstallationDetails } from "./InstallationDetails";
import { LatestChanges } from "./LatestChanges";

export function App() {
  const [selected, select] = useState<string | null>(null);
  const data = useLazyLoadQuery<AppQuery>(
    graphql`
      query AppQuery {
        ...Installations_query
      }
    `,
    {},
  );
  return (
    <main>
      <Installations query={data} selected={selected} onSelect={select} />
      <section aria-label="Connections">
        {selected ? (
          <Suspense fallback="Loading …">
            <InstallationDetails key={selected} id={selected} />
          </Suspense>
        ) : (
          <p>Choose an installation to see the connections that use it.</p>
        )}
      </section>
      <LatestChanges />
    </main>
  );
}
