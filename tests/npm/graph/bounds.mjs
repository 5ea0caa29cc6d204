// How much a picture holds, and what is said beyond it.
import assert from "node:assert/strict";
import { asked, button, holds, inspector, row, scenario, servers, summary } from "./driver.mjs";

const more = async (page) => {
  await holds(page, 50);
  await summary(page).getByText(/More lies around github than the 50 nearest and newest/).waitFor();
  await row(page, /^github\s*service/).click();
  await inspector(page).getByText(/More lies around it than the 50/).waitFor();
  await button(page, "Show more").click();
  await button(page, "Expanded").waitFor();
  await holds(page, "[1-9]\\d+");
};
scenario("what is cut says so, and shows more when it is asked to", more, { fragment: "#start=service:github&most=50" });

const AT_ONCE = 20; // fields that an operation may have

/** Open many connections to a service. */
async function open(service, count) {
  const { contexts } = await asked(servers.open, "{ contexts(first: 1) { nodes { chittyId } } }");
  const [{ chittyId }] = contexts.nodes;
  for (let done = 0; done < count; done += AT_ONCE) {
    const fields = Array.from({ length: AT_ONCE }, (_, index) => {
      const input = `{ source: "${chittyId}", targetService: "${service}", targetEndpoint: "e${done + index}" }`;
      return `m${index}: openConnection(input: ${input}) { errors { message } }`;
    });
    await asked(servers.open, `mutation { ${fields.join(" ")} }`);
  }
}

const full = async (page) => {
  for (const service of ["first-hub", "second-hub"]) await open(service, 1050);
  await page.evaluate(() => (window.location.hash = "#expand=service:first-hub,service:second-hub,service:github&most=1000"));
  await holds(page, "2,000");
  await summary(page).getByText(/left out: the picture holds 2,000 at most/).waitFor();
  assert.equal(await page.getByRole("listbox", { name: "Objects" }).getByRole("option").count(), 100);
  await button(page, "Show 100 more").click();
};
scenario("a picture holds 2,000 objects, and says what it leaves out", full);
