// What scenarios of all pages share: how they are declared, and how they wait.

export const PATIENCE = 60_000; // milliseconds: a busy machine may take long, and only a fault waits for all of it
export const PLAIN = "plain.example"; // leads to this machine, which the browser does not know
export const servers = JSON.parse(process.argv[4]);
export const scenarios = {};

/** Options are the server's and the browser's; `expected` are the errors that the console may have. */
export function scenario(name, run, options = {}) {
  scenarios[name] = { run, ...servers.open, ...options };
}

export const button = (page, name) => page.getByRole("button", { name, exact: true });
export const boxes = (...locators) => Promise.all(locators.map((locator) => locator.boundingBox()));

/** Check until it holds: what is looked at may be drawn a moment later. */
export async function eventually(check) {
  for (const end = Date.now() + PATIENCE; ; await new Promise((again) => setTimeout(again, 20))) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
