/**
 * A fetch that sends a credential, once one was given with `use`, as a bearer token.
 *
 * It is kept in this closure and nowhere else: a reload forgets it. After each answer `onAnswer` is
 * told whether it was refused for the want of a credential, and whether one had been sent.
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
      onAnswer({ refused: answer.status === 401, sent: headers.has("authorization") });
      return answer;
    },
  };
}
