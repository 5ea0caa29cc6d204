// Asks the server at this address what graphql-http's audits ask, and prints each result as a line of JSON.
import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);
for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const { status, reason = null, response = null } = await audit.fn();
  // The status that failed the audit, if one did.
  const answered = response && response.status;
  console.log(JSON.stringify({ id: audit.id, name: audit.name, status, reason, answered }));
}
