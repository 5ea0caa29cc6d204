import { Dialog } from "@graphiql/react";

/** A dialog with a heading and a sentence on what it is about. */
export function Titled({ title, description, isOpen, onClose, children }) {
  return (
    <Dialog onOpenChange={(isNowOpen) => !isNowOpen && onClose()} open={isOpen}>
      <div className="chitty-dialog">
        <div className="chitty-dialog-header">
          <Dialog.Title>{title}</Dialog.Title>
          <Dialog.Close />
        </div>
        <Dialog.Description>{description}</Dialog.Description>
        {children}
      </div>
    </Dialog>
  );
}
