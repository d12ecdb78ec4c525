# Records what a WSGI application (Flask, Django, ...) receives, a JSON line each, for `emitter contract`.
# Paste it into your receiver, then:  app.wsgi_app = Recorder(app.wsgi_app)   (Flask; elsewhere: app = Recorder(app))
import base64
import json
import os
import sys
import threading
from datetime import datetime, timezone
from io import BytesIO


class Recorder:
    def __init__(self, app, path="captures.jsonl", largest=1024 * 1024):
        self.app, self.path, self.largest, self.lock = app, path, largest, threading.Lock()

    def __call__(self, environ, start_response):
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdigit() and int(length) <= self.largest:
            body = environ["wsgi.input"].read(int(length))
            environ["wsgi.input"] = BytesIO(body)
            try:
                self.write(environ, body)
            except OSError as error:
                print(f"not recorded: {error}", file=sys.stderr)  # the receiver goes on
        return self.app(environ, start_response)

    def write(self, environ, body):
        given = [(name[5:], value) for name, value in environ.items() if name.startswith("HTTP_")]
        headers = [[name.replace("_", "-").title(), value] for name, value in given]
        headers += [["Content-Type", environ.get("CONTENT_TYPE", "")], ["Content-Length", str(len(body))]]
        line = {
            "method": environ["REQUEST_METHOD"],
            "url": "?".join(filter(None, (environ.get("PATH_INFO"), environ.get("QUERY_STRING")))),
            "headers": [pair for pair in headers if pair[0] not in ("Authorization", "Cookie")],
            "bodyBase64": base64.b64encode(body).decode(),
            "at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        with self.lock, os.fdopen(os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w") as file:
            file.write(json.dumps(line) + "\n")
