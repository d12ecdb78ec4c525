# In front of your receiver, without touching it. Point the webhook at port 8080; what passes is in the file.

# With emitter itself: it forwards to yours, and answers what yours answers.
emitter listen --port 8080 --forward-to http://127.0.0.1:3000/hook --format json > captures.jsonl

# With mitmproxy 10.1 or newer, which writes HAR when it ends:
mitmdump --listen-port 8080 --mode reverse:http://127.0.0.1:3000 --set hardump=captures.har
