import { Tooltip, UnStyledButton } from "@graphiql/react";

/** A button that shows an icon only; its label is also its tooltip. */
export function IconButton({ label, children, className = "", ...props }) {
  return (
    <Tooltip label={label}>
      <UnStyledButton aria-label={label} className={`chitty-icon-button ${className}`} type="button" {...props}>
        {children}
      </UnStyledButton>
    </Tooltip>
  );
}

export function TextButton({ children, className = "", ...props }) {
  return (
    <button className={`chitty-button ${className}`} type="button" {...props}>
      {children}
    </button>
  );
}
