// Records what a Node server (http, Express, ...) receives, a JSON line each, for `emitter contract`.
// Paste it into your receiver, then, before any body parser:  app.use(recorder())
// Without Express:  http.createServer((request, response) => recorder()(request, response, () => yours(request, response)))
const fs = require("node:fs");

function recorder(path = "captures.jsonl", largest = 1024 * 1024) {
  return (request, response, next) => {
    const chunks = [];
    let size = 0;
    const push = request.push; // what comes from the wire goes through here, whoever reads it and whenever
    request.push = function (chunk, ...rest) {
      if (chunk !== null) {
        size += chunk.length;
        if (size <= largest) chunks.push(Buffer.from(chunk));
      } else if (size <= largest) {
        try {
          write(path, request, Buffer.concat(chunks));
        } catch (error) {
          console.error(`not recorded: ${error.message}`); // the receiver goes on
        }
      }
      return push.call(this, chunk, ...rest);
    };
    next();
  };
}

function write(path, request, body) {
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
