import { Icon } from "../icons.jsx";

export const PlusIcon = () => (
  <Icon>
    <path d="M8 3v10M3 8h10" />
  </Icon>
);
export const MinusIcon = () => (
  <Icon>
    <path d="M3 8h10" />
  </Icon>
);
export const FitIcon = () => (
  <Icon>
    <path d="M2.5 6V2.5H6m4 0h3.5V6m0 4v3.5H10m-4 0H2.5V10" />
  </Icon>
);
export const ArrangeIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="1.8" />
    <circle cx="3" cy="3.5" r="1.4" />
    <circle cx="13" cy="4" r="1.4" />
    <circle cx="5" cy="13" r="1.4" />
    <path d="m4.2 4.5 2.3 2.2m5.3-1.9L9.6 6.9M5.7 11.7l1.2-2.1" />
  </Icon>
);
export const NewIcon = () => (
  <Icon>
    <path d="M9 2H4v12h8V5L9 2Zm0 0v3h3M8 7.5v4M6 9.5h4" />
  </Icon>
);
