/**
 * A fetch that sends a credential, once one was given with `use`, as a bearer token.
 *
 * It is kept in this closure and nowhere else: a reload forgets it. `onAnswer` is told the status of each
 * answer and whether a credential had been sent; not of failures, which say nothing about one.
 */
export function authorized(onAnswer) {
  let credential = "";
  return {
    use(given) {
      credential = given;
    },
    async fetch(url, init) {
      const headers = new Headers(init.headers);
      if (credential && !headers.has("authorization")) {
        headers.set("authorization", `Bearer ${credential}`);
      }
      const answer = await fetch(url, { ...init, headers });
      if (answer.status < 500) onAnswer({ status: answer.status, sent: headers.has("authorization") });
      return answer;
    },
  };
}
