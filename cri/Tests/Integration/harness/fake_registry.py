"""A registry in this process that does what real ones do on bad days, and counts what it is asked for.

What goes wrong is said by rules: `registry.on("blobs/sha256:…", cut(1000), times=1)`. A rule is for requests whose
path contains its text, as often as `times` says (always, without), and the first that is left over counts.
"""

import http.server
import threading
import time

from . import images
from .registry import host, hosts


class FakeRegistry:
    def __init__(self, place, hosts_directory, name, ranges=True):
        outer, self.name, self.ranges = self, name, ranges
        self.manifests, self.stored, self.rules, self.requests = {}, {}, [], []
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.serve(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that has gone away: what is tested

        self.server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = place.listen()
        self.url = f"http://127.0.0.1:{self.server.socket.getsockname()[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.1}).start()
        hosts(hosts_directory, name, f'server = "{self.url}"\n{host(self.url)}')

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- content ----

    def add(self, reference, image):
        """Gives the reference under which a daemon pulls it."""
        name, _, tag = reference.partition(":")
        self.stored.update(image.blobs())
        for member in image.manifests:
            self.manifests[name, member.digest] = member
        self.manifests[name, tag] = image
        return f"{self.name}/{reference}"

    def add_manifest(self, reference, document, media_type=f"{images.OCI}manifest.v1+json"):
        """A manifest of any content, for instance one that no builder would make."""
        raw = document if isinstance(document, bytes) else images.encode(document)
        return self.add(reference, type("Raw", (), {
            "manifest": raw, "media_type": media_type, "digest": images.digest(raw),
            "blobs": lambda self: {}, "manifests": property(lambda self: [self])})())

    # ---- misbehaviour ----

    def on(self, text, action, times=None, method="GET"):
        self.rules.append([text, action, times, method])

    def calm(self):
        self.rules.clear()

    def count(self, text, method="GET"):
        """How often a path that contains the text was asked for."""
        with self.lock:
            return sum(text in path and asked == method for asked, path, _ in self.requests)

    def ranges_asked(self, text):
        with self.lock:
            return [headers["Range"] for _, path, headers in self.requests if text in path and headers.get("Range")]

    # ---- answering ----

    def serve(self, handler):
        path = handler.path
        with self.lock:
            self.requests.append((handler.command, path, dict(handler.headers.items())))
            rule = next((r for r in self.rules if r[0] in path and r[2] != 0 and r[3] == handler.command), None)
            if rule and rule[2] is not None:
                rule[2] -= 1
        action = rule[1] if rule else send
        status, headers, body = self.find(path, handler.headers.get("Range"))
        action(handler, status, headers, body)

    def find(self, path, range_header):
        path = path.partition("?")[0]
        parts = path.strip("/").split("/")
        if parts == ["v2"]:
            return 200, {}, b"{}"
        if len(parts) < 4 or parts[0] != "v2":
            return 404, {}, b""
        name, kind, key = "/".join(parts[1:-2]), parts[-2], parts[-1]
        if kind == "manifests" and (name, key) in self.manifests:
            image = self.manifests[name, key]
            return 200, {"Content-Type": image.media_type, "Docker-Content-Digest": image.digest}, image.manifest
        if kind == "blobs" and key in self.stored:
            data = self.stored[key]
            headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": key}
            if range_header and self.ranges:
                first, _, last = range_header.removeprefix("bytes=").partition("-")
                begin, end = int(first), int(last) + 1 if last else len(data)
                headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
                return 206, headers, data[begin:end]
            return 200, headers, data
        code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
        return 404, {"Content-Type": "application/json"}, images.encode({"errors": [{"code": code, "message": "unknown"}]})


def send(handler, status, headers, body):
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def cut(after):
    """Closes the connection after that many bytes of the body."""

    def action(handler, status, headers, body):
        send_head(handler, status, headers, len(body))
        handler.wfile.write(body[:after])
        handler.wfile.flush()
        handler.connection.shutdown(2)
        handler.close_connection = True

    return action


def stall(seconds, after=0):
    """Says nothing for a while, after that many bytes of the body, and then the rest."""

    def action(handler, status, headers, body):
        send_head(handler, status, headers, len(body))
        handler.wfile.write(body[:after])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.wfile.write(body[after:])

    return action


def slow(rate, piece=16 << 10):
    """Sends that many bytes a second."""

    def action(handler, status, headers, body):
        send_head(handler, status, headers, len(body))
        for begin in range(0, len(body), piece):
            handler.wfile.write(body[begin:begin + piece])
            time.sleep(piece / rate)

    return action


def answer(status, body=b"", **headers):
    """Another answer than the right one, e.g. `answer(429, Retry_After="1")`."""

    def action(handler, *_):
        send(handler, status, {key.replace("_", "-"): value for key, value in headers.items()}, body)

    return action


def corrupt(handler, status, headers, body):
    """The right length, but one bit is another."""
    middle = len(body) // 2
    send(handler, status, headers, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:])


def truncated(handler, status, headers, body):
    """Shorter than it should be, and says so as if it were right."""
    send(handler, status, headers, body[:-1])


def padded(handler, status, headers, body):
    """Longer than it should be."""
    send(handler, status, headers, body + b"more")


def send_head(handler, status, headers, length):
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
