// A simulated Request app over HTTP, with nothing but what Node (20 or newer) brings.
import assert from "node:assert/strict";

export class RequestApp {
  constructor(url = process.env.EMITTER_URL ?? "http://127.0.0.1:8080", token = process.env.EMITTER_TOKEN ?? "any") {
    this.url = url;
    this.token = token;
  }

  async ask(method, path, body) {
    const answer = await fetch(`${this.url}/simulator/${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    const found = text ? JSON.parse(text) : null;
    if (!answer.ok) throw new Error(found?.detail ?? `${answer.status} ${answer.statusText}`);
    return found;
  }

  /** Sends an event of any type, and returns it with its deliveries once they are over. */
  async trigger(type, members = {}) {
    return (await this.ask("POST", "trigger?wait=10s", { type, ...members })).events;
  }

  /** Does something in the simulated app, and returns the thing that it was done to. */
  async act(action, parameters = {}) {
    return (await this.ask("POST", "world/act?wait=10s", { action, parameters })).entity;
  }

  async advance(by) {
    await this.ask("POST", "clock/advance", { by });
  }

  async deliverTo(url, signingKey = "") {
    return this.ask("POST", "webhooks", { url, signingKey });
  }

  async openReceiver(settings = {}) {
    return this.ask("POST", "receivers", settings);
  }

  async captures(receiver, count) {
    return (await this.ask("GET", `receivers/${receiver.id}/captures?count=${count}&timeout=10s`)).captures;
  }

  /** Fails with what came instead. The words are those of a scenario's `expect`. */
  async expect(expect, things = {}) {
    const judged = await this.ask("POST", "expectations", { expect, things });
    assert.ok(judged.passed, judged.text);
  }

  /** Stands in for a service at the far end of a relay: "teams" or "pagerduty". */
  async openStandin(service, settings = {}) {
    return this.ask("POST", "standins", { service, ...settings });
  }

  /** Fails with what a stand-in has instead: `{ open: 1, about: "Claims 2025" }`, `{ cards: 2, failed: 0 }`. */
  async expectAt(standin, expect) {
    const judged = await this.ask("POST", `standins/${standin.id}/expectations`, { expect });
    assert.ok(judged.passed, judged.text);
  }

  /** Has a receiver examined, and returns what was found once it is over. */
  async audit(url, members = {}) {
    let audit = await this.ask("POST", "audits", { url, ...members });
    while (audit.state === "running") audit = await this.ask("GET", `audits/${audit.id}?wait=20s`);
    return audit;
  }

  async reset() {
    await this.ask("POST", "reset", {});
  }
}
