/** Icons that GraphiQL has not; they are decoration, as what they stand on has a name. */

export const Icon = ({ children }) => (
  <svg
    aria-hidden="true"
    fill="none"
    height="1em"
    stroke="currentColor"
    strokeLinecap="round"
    strokeLinejoin="round"
    strokeWidth="1.4"
    viewBox="0 0 16 16"
    width="1em"
  >
    {children}
  </svg>
);

export const BookIcon = () => (
  <Icon>
    <path d="M8 4C6.5 3 4.4 2.7 1.8 2.8v9.6c2.6-.1 4.7.2 6.2 1.2 1.5-1 3.6-1.3 6.2-1.2V2.8C11.6 2.7 9.5 3 8 4Zm0 0v9.4" />
  </Icon>
);
export const BuilderIcon = () => (
  <Icon>
    <rect height="4" rx="1" width="4" x="1.5" y="1.5" />
    <path d="M3.5 5.5v7h4M3.5 8h4m2-4.5h5m-3 4.5h3m-3 4.5h3" />
  </Icon>
);
export const LinkIcon = () => (
  <Icon>
    <path d="M6.5 9.5a2.7 2.7 0 0 0 3.9 0l2.7-2.7a2.7 2.7 0 0 0-3.9-3.9l-1 1M9.5 6.5a2.7 2.7 0 0 0-3.9 0L2.9 9.2a2.7 2.7 0 0 0 3.9 3.9l1-1" />
  </Icon>
);
export const TerminalIcon = () => (
  <Icon>
    <rect height="11" rx="1.5" width="13" x="1.5" y="2.5" />
    <path d="m4.5 6 2.2 2-2.2 2m4 .5h3" />
  </Icon>
);
export const DownloadIcon = () => (
  <Icon>
    <path d="M8 2v8m-3-3 3 3 3-3M2.5 11.5v2h11v-2" />
  </Icon>
);
