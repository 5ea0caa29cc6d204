/** Keys and what each does. */
export const ShortcutList = ({ keys }) => (
  <dl className="chitty-keys">
    {keys.map(([key, action]) => (
      <div key={key}>
        <dt>
          <kbd>{key}</kbd>
        </dt>
        <dd>{action}</dd>
      </div>
    ))}
  </dl>
);
