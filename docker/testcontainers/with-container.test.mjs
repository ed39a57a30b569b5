// mockpbx in a container, from node:test: npm install testcontainers, and an image named mockpbx.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GenericContainer, Wait } from "testcontainers";

const PORT = 7290;

let container, url;

before(async () => {
  container = await new GenericContainer("mockpbx")
    .withExposedPorts(PORT)
    // Any host: where Docker is elsewhere, the control API is reached by its name.
    .withEnvironment({ MOCKPBX_CLOCK: "auto", MOCKPBX_DATABASE: ":memory:", MOCKPBX_ALLOWED_HOST: "*" })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  url = `http://${container.getHost()}:${container.getMappedPort(PORT)}`;
});

after(() => container?.stop());

async function ask(token, method, path, body) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const reply = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const { errors, data } = await reply.json();
  if (errors) throw new Error(errors);
  return data;
}

test("a busy callee", async () => {
  const token = "test-busy"; // each test takes a token, and so a workspace, of its own
  await ask(token, "POST", "/__admin/dialplan/rules", { number: "0896*", scenario: ["busy"] });
  const { sessionId } = await ask(token, "POST", "/pbx/call", { phoneNumber: "089608675796" });
  const wanted = { facts: [{ fact: "Ended", disposition: "BUSY", cause: 17 }], within: 10 };
  const found = await ask(token, "POST", `/__admin/calls/${sessionId}/expect`, wanted);
  assert.ok(found.met, found.explanation);
});
