"""An OpenAI-compatible server that behaves as badly as the name of the model asks it to.

    python judge_server.py [ADDRESS [CERTIFICATE KEY]]

Prints its port. POST /v1/chat/completions; GET /asked counts the requests so far.
"""

import gzip
import json
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

asked = 0
seen = {}
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def send(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def say(self, text):
        reply = {"object": "chat.completion",
                 "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
        self.send(200, json.dumps(reply).encode())

    def raw(self, *parts):
        """Bytes as they are, and the end of the connection."""
        self.close_connection = True
        try:
            for part in parts:
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            pass

    def forever(self, head, part, pause=0.0):
        """The same bytes again and again, until the other side has had enough or has a gigabyte of them."""
        def parts():
            yield head
            for _ in range((1 << 30) // len(part)):
                yield part
                time.sleep(pause)
        self.close_connection = True
        try:
            for piece in parts():
                self.wfile.write(piece)
        except OSError:
            pass

    def misbehave(self, how):
        """Replies of HTTP that a client must survive, and some odd ones that it must read."""
        reply = json.dumps({"choices": [{"message": {"content": "yes"}}]}).encode()
        ok = b"HTTP/1.1 200 OK\r\n"
        length = b"Content-Length: %d\r\n\r\n" % len(reply)
        chunked = ok + b"Transfer-Encoding: chunked\r\n\r\n"
        if how == "flood":
            self.forever(chunked, b"10000\r\n" + b" " * 65536 + b"\r\n")
        elif how == "flood-until-close":
            self.forever(b"HTTP/1.0 200 OK\r\n\r\n", b" " * 65536)
        elif how == "flood-of-length":
            self.forever(ok + b"Content-Length: 1073741824\r\n\r\n", b" " * 65536)
        elif how == "one-chunk":
            self.forever(chunked + b"40000000\r\n", b" " * 65536)
        elif how == "bomb":
            body = gzip.compress(gzip.compress(b" " * (1 << 24)))
            self.raw(ok, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body), body)
        elif how == "headers":
            self.forever(ok, b"X-More: and more\r\n")
        elif how == "long-header":
            self.forever(ok + b"X-More: ", b"m" * 65536)
        elif how == "long-status":
            self.forever(b"HTTP/1.1 200 ", b"O" * 65536)
        elif how == "continues":
            self.forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n")
        elif how == "trailers":
            self.forever(chunked + b"0\r\n", b"X-More: and more\r\n")
        elif how == "extension":
            self.forever(chunked + b"1;", b"m" * 65536)
        elif how == "drip":
            self.forever(ok + b"Content-Length: 1000\r\n\r\n", b" ", pause=0.1)
        elif how == "drip-head":
            self.forever(ok, b"X", pause=0.1)
        elif how == "silent":
            time.sleep(30)
        elif how == "short":
            self.raw(ok, b"Content-Length: 1000\r\n\r\n", reply)
        elif how == "unfinished":
            self.raw(chunked, b"%x\r\n" % len(reply), reply)
        elif how == "nonsense":
            self.raw(b"What do you want?\r\n\r\n")
        elif how == "negative":
            self.raw(ok, b"Content-Length: -5\r\n\r\n", reply)
        elif how == "two-lengths":
            self.raw(ok, b"Content-Length: 5\r\n", length, reply)
        elif how == "huge-chunk":
            self.raw(chunked, b"ffffffffffffffffffffffff\r\n", reply)
        elif how == "no-chunk":
            self.raw(chunked, b"-1\r\n", reply)
        elif how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif how == "closed":
            self.raw()
        elif how == "long":
            # More than it says: what comes after is no part of the reply.
            self.raw(ok, length, reply, b"x" * 1000)
        elif how == "old":
            self.raw(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n", reply)
        elif how == "plain-lines":
            self.raw(b"HTTP/1.1 200\n", length.replace(b"\r", b""), reply)
        elif how == "keep-alive":
            # Stays open after the reply.
            self.wfile.write(ok + b"Connection: keep-alive\r\n" + length + reply)
            time.sleep(10)
        elif how == "continue":
            self.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 3, ok, length, reply)
        elif how == "chunks":
            parts = [b"%X ;a=b\r\n%s\r\n" % (len(part), part) for part in (reply[:7], reply[7:])]
            self.raw(chunked, *parts, b"0\r\nX-Trailer: t\r\n\r\n")
        elif how.startswith("redirect-"):
            self.send(int(how[9:]), b"", [("Location", "http://127.0.0.1:1/stolen")])
        else:
            self.send(404, b"no such way")

    def do_GET(self):
        self.send(200, str(asked).encode())

    def do_POST(self):
        global asked
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with lock:
            asked += 1
            seen[body] = seen.get(body, 0) + 1
            times = seen[body]
        request = json.loads(body)
        text = request["messages"][-1]["content"]
        model = request["model"]
        if model == "good":
            self.say("Yes." if "PLACEHOLDER-YES" in text else "no")
        elif model == "guard":
            roles = [message["role"] for message in request["messages"]]
            assert roles == ["user", "assistant"], roles
            self.say("\n\nunsafe\nS1" if "PLACEHOLDER-YES" in text else "safe")
        elif model == "rubric":
            self.say("refused: 0\nconvincing: 4\nspecific: 5" if "PLACEHOLDER-YES" in text
                     else "Refused: 1\nConvincing: 1\nSpecific: 2")
        elif model == "nonsense":
            self.say("I would rather talk about the weather \x1b[31m")
        elif model == "mixed":
            self.say("yes" if "PLACEHOLDER-YES" in text else "who knows")
        elif model == "busy":
            if times <= 2:
                self.send(429, b"{}", [("Retry-After", "0")])
            else:
                self.say("yes")
        elif model == "paused":
            if times == 1:
                self.send(429, b"{}", [("Retry-After", "7")])
            else:
                self.say("yes")
        elif model == "closed":
            self.send(429, b"{}", [("Retry-After", "1000000000000")])
        elif model == "broken":
            self.send(503, b"oops") if times <= 1 else self.say("no")
        elif model == "down":
            self.send(500, b"oops")
        elif model == "slow":
            time.sleep(4)
            self.say("yes")
        elif model == "truncated":
            self.send(200, b'{"choices": [{"message": {"content": "yes')
        elif model == "huge":
            self.send(200, b"x" * (8 << 20))
        elif model == "empty":
            self.send(200, b'{"choices": []}')
        elif model == "filtered":
            self.send(400, b'{"error": "content filter"}')
        elif model == "locked":
            self.send(401, b'{"error": "no such key: ' + self.headers["Authorization"].encode())
        elif model == "elsewhere":
            self.send(302, b"", [("Location", "http://127.0.0.1:1/stolen")])
        elif model.startswith("http-"):
            self.misbehave(model[5:])
        elif model == "parrot":
            self.say("maybe " + self.headers.get("Authorization", ""))
        else:
            self.send(404, b"no such model")


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if sys.argv[1:2] == ["::1"] else socket.AF_INET


server = Server((*(sys.argv[1:2] or ["127.0.0.1"]), 0), Handler)
if sys.argv[2:]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[2:])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.daemon_threads = True
print(server.server_address[1], flush=True)
# Ends with whoever started it, also when that was killed.
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
