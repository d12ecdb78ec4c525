// The receiver under test: it verifies the signature over the raw body, and keeps a ticket for each data product.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

export function createReceiver(key) {
  const tickets = new Map();
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const expected = createHmac("sha256", key).update(body).digest();
    const given = Buffer.from(request.headers["x-immuta-webhook-signature-sha256"] ?? "", "hex");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.writeHead(401).end();
      return;
    }
    const event = JSON.parse(body);
    if (event.type.endsWith("access_requests.created")) tickets.set(event.data.dataProductId, "open");
    if (/access_requests\.(expired|revoked)$/.test(event.type)) tickets.set(event.data.dataProductId, "closed");
    response.writeHead(204).end();
  });
  return { server, tickets };
}
