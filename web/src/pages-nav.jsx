import { ENDPOINT } from "./client.js";
import { graphPage } from "./graph/links.js";

const PAGES = [
  ["GraphiQL", ENDPOINT],
  ["Graph", graphPage()],
];

/** Links to the pages of this server, of which one is `current`. */
export const PagesNav = ({ current }) => (
  <nav aria-label="Pages" className="chitty-pages">
    {PAGES.map(([name, address]) =>
      name === current ? (
        <span aria-current="page" key={name}>
          {name}
        </span>
      ) : (
        <a href={address} key={name}>
          {name}
        </a>
      ),
    )}
  </nav>
);
