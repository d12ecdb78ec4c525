// A receiver of the Request app's webhooks, with Node 20 and nothing else.
//
// It verifies the raw bytes, bounds what it reads, acknowledges, and does its work after that. Doing it twice or in
// another order is doing it once: an event is known by its type, time and product, and of a product the newest counts.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const HEADER = "x-immuta-webhook-signature-sha256";
const KEYS = [process.env.WEBHOOK_SIGNING_KEY, process.env.WEBHOOK_SIGNING_KEY_OLD].filter(Boolean);
const LARGEST = 256 * 1024, DEEPEST = 32, REMEMBERED = 100_000, MOST_WAITING = 10_000;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

const seen = new Set(); // keeps the order in which they came
const products = new Map();
let waiting = 0; // in memory: what waits when the process dies is lost; ../relay keeps it on disk

class Refused extends Error {
  constructor(status, why) { super(why); this.status = status; }
}

async function hook(request) {
  const body = await bounded(request);
  if (!isSigned(request.headers[HEADER], body)) throw new Refused(401, "the signature is missing or wrong");
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type !== "application/json") throw new Refused(415, "the body has to be application/json");
  const event = read(body);
  const digest = createHash("sha256").update(JSON.stringify([event.type, event.time, event.product])).digest("hex");
  if (seen.has(digest)) return; // nothing is awaited from here on, so two copies at the same moment are told apart, too
  if (waiting >= MOST_WAITING) throw new Refused(503, "too much to do");
  seen.add(digest);
  if (seen.size > REMEMBERED) seen.delete(seen.values().next().value);
  waiting += 1;
  setImmediate(() => {
    try { work(event); } catch (error) { console.error("an event could not be worked on:", error); }
    waiting -= 1;
  });
}

async function bounded(request) {
  // What is too large is read on and thrown away, until the server's own time for a request is over: a connection that is
  // cut loses the answer.
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size <= LARGEST) pieces.push(piece);
  }
  if (size > LARGEST) throw new Refused(413, "the body is too large");
  return Buffer.concat(pieces);
}

function isSigned(header, body) {
  // Whether a signature fits one of the keys, compared in constant time over the bytes as they came.
  const given = (header ?? "").split(",").map((each) => Buffer.from(each.trim()));
  const expected = KEYS.map((key) => Buffer.from(createHmac("sha256", key).update(body).digest("hex")));
  return given.some((one) => expected.some((right) => one.length === right.length && timingSafeEqual(one, right)));
}

function read(body) {
  // Read the envelope; its other members, and types that are new, are none of our business.
  let event;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    if (depth(text) > DEEPEST) throw new Error("nested too deep");
    event = JSON.parse(text);
  } catch { throw new Refused(400, "the body is no JSON in UTF-8, or nested too deep"); }
  const data = event?.data;
  if (typeof event?.type !== "string" || typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new Refused(400, "the body is no event");
  }
  const [, whole, digits = "", zone] = TIME.exec(event.timestamp) ?? [];
  const moment = new Date(`${whole}${zone}`);
  if (typeof event.timestamp !== "string" || isNaN(moment)) throw new Refused(400, "the event has no time");
  const text = (value) => (typeof value === "string" ? value : "");
  const time = `${moment.toISOString().slice(0, 19)}.${digits.padEnd(9, "0")}Z`; // all nine digits, so that they compare
  const found = { type: event.type, time, product: text(data.dataProductId), name: text(data.dataProductName) };
  if (!Object.values(found).every((each) => each.isWellFormed())) throw new Refused(400, "half a character is no text");
  return found;
}

function depth(text) {
  let deepest = 0, now = 0, inside = false;
  for (let at = 0; at < text.length; at += 1) {
    const each = text[at];
    if (inside) { if (each === "\\") at += 1; else if (each === '"') inside = false; }
    else if (each === '"') inside = true;
    else if (each === "[" || each === "{") deepest = Math.max(deepest, (now += 1));
    else if (each === "]" || each === "}") now -= 1;
  }
  return deepest;
}

function work({ type, time, product, name }) {
  // The work; here it only notes what is known of each product.
  const found = products.get(product) ?? { last: ["", "", ""], counts: new Map() };
  found.counts.set(type, (found.counts.get(type) ?? 0) + 1);
  if (isLater([time, type, name], found.last)) found.last = [time, type, name]; // not the one that came last
  products.set(product, found);
}

function isLater(these, those) {
  const at = these.findIndex((each, place) => each !== those[place]);
  return at >= 0 && these[at] > those[at];
}

async function state() {
  while (waiting) await new Promise(setImmediate); // what was acknowledged is done, then shown
  const shown = [...products].map(([id, { last: [time, type, name], counts }]) => [
    id, { time, type, name, counts: Object.fromEntries([...counts].sort()) },
  ]);
  return { products: Object.fromEntries(shown) };
}

const server = createServer(async (request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, value === undefined ? {} : { "Content-Type": "application/json" });
    response.end(value === undefined ? undefined : JSON.stringify(value));
  };
  try {
    const asked = `${request.method} ${request.url.split("?")[0]}`;
    if (asked === "POST /hook") { await hook(request); answer(204); }
    else if (asked === "GET /state") answer(200, await state());
    else answer(["/hook", "/state"].includes(asked.split(" ")[1]) ? 405 : 404, { error: "there is nothing" });
  } catch (error) {
    if (!(error instanceof Refused) && error.code !== "ECONNRESET") console.error(error);
    answer(error.status ?? 500, { error: error instanceof Refused ? error.message : "something went wrong" });
  }
});
if (!KEYS.length) { console.error("WEBHOOK_SIGNING_KEY is the signing key of the webhook."); process.exit(1); }
server.requestTimeout = 15_000; // for a whole request, however slowly it drips
server.headersTimeout = 10_000;
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.error(`on port ${server.address().port}`));
