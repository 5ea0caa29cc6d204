// Changes that others make while the picture is shown.
import assert from "node:assert/strict";
import { asked, holds, row, rows, scenario, servers, summary } from "./driver.mjs";

const OPEN = `mutation($source: ChittyID!) {
  openConnection(input: { source: $source, targetService: "chittychronicle", targetEndpoint: "https://live.example/new" }) {
    connection { connectionId }
    errors { message }
  }
}`;
const REPORT = `mutation($id: ID!) {
  reportConnectionHealth(input: { connectionId: $id, healthy: false, error: "down" }) { errors { message } }
}`;

const live = async (page) => {
  await row(page, "service").waitFor();
  await summary(page).getByText("Live").waitFor();
  const before = await rows(page).count();
  const { contexts } = await asked(servers.open, "{ contexts(first: 1) { nodes { chittyId } } }");
  const { openConnection } = await asked(servers.open, OPEN, { source: contexts.nodes[0].chittyId });
  assert.deepEqual(openConnection.errors, []);
  await row(page, "live.example/new").waitFor();
  await holds(page, before + 1);
  const id = openConnection.connection.connectionId;
  for (let times = 0; times < 5; times++) await asked(servers.open, REPORT, { id });
  await row(page, "live.example/new").getByText("failed").waitFor();
  await summary(page).getByRole("status").getByText(/→ chittychronicle (failed|changed)/).waitFor();
  await row(page, /^chittychronicle\s*service/).getByText("hangs on a failing connection").waitFor();
};
scenario("what others change is shown as it happens", live, { fragment: "#start=service:chittychronicle" });
