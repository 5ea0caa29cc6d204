/**
 * A fetch that sends the credential from the last call of `use` as a bearer token.
 *
 * The credential lives in this closure only: a reload forgets it. `onResponse` gets the status of each
 * response and whether a credential was sent, except for server errors: they say nothing about it.
 */
export function authorized(onResponse) {
  let credential = "";
  return {
    use(value) {
      credential = value;
    },
    async fetch(url, init) {
      const headers = new Headers(init.headers);
      if (credential && !headers.has("authorization")) {
        headers.set("authorization", `Bearer ${credential}`);
      }
      const response = await fetch(url, { ...init, headers });
      if (response.status < 500) onResponse({ status: response.status, sent: headers.has("authorization") });
      return response;
    },
  };
}
