// node --test, while `emitter serve --ephemeral --start 2030-01-07T09:00:00Z` runs (EMITTER_URL, EMITTER_TOKEN: elsewhere).
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { RequestApp } from "./emitter.mjs";
import { createReceiver } from "./receiver.mjs";

const KEY = "test-signing-key";
const app = new RequestApp();
const { server, tickets } = createReceiver(KEY);

before(() => new Promise((done) => server.listen(0, "127.0.0.1", done)));
after(() => {
  server.close();
  server.closeAllConnections();
});

describe("the receiver", () => {
  beforeEach(async () => {
    await app.reset();
    await app.deliverTo(`http://127.0.0.1:${server.address().port}/hook`, KEY);
  });

  it("accepts what is signed with its key, and nothing else", async () => {
    await app.trigger("access-revoked");
    await app.trigger("access-revoked", { faults: ["wrong-signature"] });

    await app.expect({ deliveries: { accepted: 1, rejected: 1, statuses: { 401: 1 } } });
  });

  it("keeps a ticket open for as long as the access lasts", async () => {
    const claims = await app.act("publish", { name: "Claims 2025" });
    const wish = await app.act("request", { product: claims.id });
    assert.equal(tickets.get(claims.id), "open");

    await app.act("approve", { request: wish.id, duration: "30d" });
    await app.advance("31d");

    assert.equal(tickets.get(claims.id), "closed");
    await app.expect(
      { events: { "access-expiring": 2, "access-expired": 1 }, contract: "valid", world: { wish: { status: "EXPIRED" } } },
      { wish: wish.id },
    );
  });

  it("may be a scripted one, for what comes before it", async () => {
    const receiver = await app.openReceiver({ answers: "500,200", signingKey: KEY, register: true });
    await app.trigger("access-revoked");

    const [capture] = await app.captures(receiver, 1);
    assert.equal(capture.status, 500);
    await app.expect({ receivers: { [receiver.id]: { events: ["access-revoked"], signatures: "valid" } } });
  });

  it("passes the audit of its signatures", async () => {
    const url = `http://127.0.0.1:${server.address().port}/hook`;

    const audit = await app.audit(url, { signingKey: KEY, only: ["signatures"], deadline: "1m" });

    const wrong = audit.report.checks.filter((check) => check.status === "failed");
    assert.equal(audit.state, "passed", wrong.map((check) => `${check.name}: ${check.found} ${check.remedy}`).join("\n"));
  });

  it("may be a relay, whose far end is stood in for", async () => {
    const pagerduty = await app.openStandin("pagerduty");
    const payload = { summary: "Ada asks for Claims 2025", source: "relay", severity: "info" };
    const event = { routing_key: "0".repeat(32), event_action: "trigger", dedup_key: "wish", payload };
    for (const _ of [1, 2]) await fetch(pagerduty.url, { method: "POST", body: JSON.stringify(event) });

    await app.expectAt(pagerduty, { open: 1, about: "Claims 2025", refused: 0 });
    await assert.rejects(app.expectAt(pagerduty, { open: 0 }), /expected  0 open alerts at PagerDuty\n  came      there were 1/);
  });

  it("is told in words what did not come", async () => {
    await assert.rejects(app.expect({ events: ["access-expired"] }), /expected  1 events, in this order: access-expired/);
  });
});
