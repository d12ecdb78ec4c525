// Records what a Node server (http, Express, ...) receives, a JSON line each, for `emitter contract`.
// Paste it into your receiver, then, before any body parser:  app.use(recorder())
// Without Express:  http.createServer((request, response) => recorder()(request, response, () => yours(request, response)))
const fs = require("node:fs");

function recorder(path = "captures.jsonl", largest = 1024 * 1024) {
  return (request, response, next) => {
    const chunks = [];
    const push = request.push; // what comes from the wire goes through here, whoever reads it and whenever
    request.push = function (chunk, ...rest) {
      if (chunk !== null) chunks.push(Buffer.from(chunk));
      else write(path, largest, request, Buffer.concat(chunks));
      return push.call(this, chunk, ...rest);
    };
    next();
  };
}

function write(path, largest, request, body) {
  if (body.length > largest) return;
  const headers = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i].toLowerCase();
    if (name !== "authorization" && name !== "cookie") headers.push([request.rawHeaders[i], request.rawHeaders[i + 1]]);
  }
  const line = {
    method: request.method,
    url: request.originalUrl || request.url,
    headers,
    bodyBase64: body.toString("base64"),
    at: new Date().toISOString(),
  };
  fs.appendFileSync(path, JSON.stringify(line) + "\n", { mode: 0o600 });
}
