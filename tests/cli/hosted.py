"""A service that keeps to part 1 of the contract, as the hosted one does: one of ours behind a strict door.

hosted.py URL [MODE-FILE] -- forwards to the service at URL, and prints where it listens. What the contract's first
part does not have is refused (fields) or left out (headers, members). MODE-FILE holds what it does meanwhile:
nothing, "garbage", "busy", "drop", "slow".
"""

import http.server
import json
import os
import sys
import time
import urllib.error
import urllib.request

REQUEST = {"language", "code", "env", "network_mode", "ttl", "return_artifact", "return_wasm_artifact", "input_files"}
RESULT = {"success", "stdout", "stderr", "error", "exit_code", "language", "job_id", "artifacts", "execution_mode",
          "network_mode", "total_time_ms"}


def mode():
    path = sys.argv[2] if len(sys.argv) > 2 else None
    return open(path).read().strip() if path and os.path.exists(path) else ""


def refusal(body):
    """Why a request is none of part 1's, or None."""
    request = json.loads(body)
    for name in sorted(set(request) - REQUEST):
        return f"{name} is unknown"
    files = request.get("input_files", [])
    if len(files) > 10:
        return "input_files must be at most 10"
    for file in files:
        if set(file) != {"filename", "content"} or "/" in file["filename"]:
            return f"input_files must be flat, not {file.get('filename')}"
    return None


def less(answer):
    """The answer without what part 1 does not have."""
    if isinstance(answer.get("result"), dict):
        answer["result"] = {k: v for k, v in answer["result"].items() if k in RESULT}
    return {k: v for k, v in answer.items() if k != "details"}


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, text, headers=()):
        data = text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def forward(self, body):
        request = urllib.request.Request(sys.argv[1] + self.path, data=body, method=self.command,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as found:
                return found.status, found.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        now = mode()
        if now == "drop":
            self.close_connection = True
            return
        if now == "busy":
            self.answer(429, '{"success":false,"error":"too many"}', [("Retry-After", "1")])
            return
        if now == "garbage":
            self.answer(200, "<html>not what you asked for")
            return
        if now == "slow":
            time.sleep(0.5)
        why = refusal(body) if body else "no such page" if "?" in self.path else None
        if why:
            self.answer(400, json.dumps({"success": False, "error": why}))
            return
        status, text = self.forward(body)
        self.answer(status, json.dumps(less(json.loads(text)), separators=(",", ":")))

    do_GET = do_POST = do_DELETE = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
server.daemon_threads = True
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
