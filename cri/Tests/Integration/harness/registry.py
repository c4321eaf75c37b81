"""`docker-registry` on loopback inside a place: open, with passwords, and with tokens over TLS.

All serve the same files, so that what was pushed once is had from each of them.
"""

import base64
import ctypes
import ctypes.util
import http.client
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

USER, PASSWORD = "tester", "a pass:word"
OPEN, BASIC, TOKEN, TOKENS = 5000, 5001, 5002, 5003
SERVICE = "registry under test"


def hosts(directory, name, text):
    """Says in containerd's format (certs.d/NAME/hosts.toml) where the registry of that name is."""
    target = directory / name
    target.mkdir(parents=True, exist_ok=True)
    (target / "hosts.toml").write_text(text)


def host(url, *lines, capabilities='["pull", "resolve"]'):
    return "\n".join([f'[host."{url}"]', f"  capabilities = {capabilities}", *(f"  {line}" for line in lines), ""])


class Registries:
    """`names` tells what they are called in references: `open.test`, `basic.test`, `token.test`."""

    def __init__(self, place, hosts_directory):
        self.place, self.directory, self.hosts = place, place.directory / "registry", hosts_directory
        self.directory.mkdir()
        self.authority = Authority(self.directory)
        storage = {"storage": {"filesystem": {"rootdirectory": str(self.directory / "files")}},
                   "log": {"level": "error", "accesslog": {"disabled": True}}, "version": "0.1"}
        passwords = self.directory / "htpasswd"
        passwords.write_text(f"{USER}:{bcrypt(PASSWORD)}\n")
        self.tokens = TokenServer(place, self.authority)
        self._start("open", OPEN, storage)
        self._start("basic", BASIC, {**storage, "auth": {"htpasswd": {"realm": "passwords", "path": str(passwords)}}})
        self._start("token", TOKEN, {**storage, "auth": {"token": {
            "realm": f"http://127.0.0.1:{TOKENS}/token", "service": SERVICE, "issuer": "tests",
            "rootcertbundle": str(self.authority.certificate)}}},
            tls={"certificate": str(self.authority.certificate), "key": str(self.authority.key)})
        for name, port in (("open.test", OPEN), ("basic.test", BASIC)):
            url = f"http://127.0.0.1:{port}"
            hosts(hosts_directory, name, f'server = "{url}"\n{host(url)}')
        url = f"https://127.0.0.1:{TOKEN}"
        hosts(hosts_directory, "token.test", f'server = "{url}"\n{host(url, f"ca = {quoted(self.authority.certificate)}")}')
        hosts(hosts_directory, "unknown-ca.test", f'server = "{url}"\n{host(url)}')

    def _start(self, name, port, settings, **more):
        path = self.directory / f"{name}.json"  # which YAML reads as well
        path.write_text(json.dumps({**settings, "http": {"addr": f"127.0.0.1:{port}", "secret": "tests", **more}}))
        self.place.spawn("docker-registry", "serve", path, log=self.directory / f"{name}.log")
        deadline = time.monotonic() + 20
        while True:
            try:
                self.place.inside(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=2).connect())
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError((self.directory / f"{name}.log").read_text()) from None
                time.sleep(0.02)

    def push(self, reference, image):
        """Puts an image into the open registry under `name:tag` (and, whatever the tag, under its digest)."""
        self.place.inside(push, reference, image)
        return f"open.test/{reference}"

    def close(self):
        self.tokens.close()


def push(reference, image):
    name, _, tag = reference.partition(":")
    connection = http.client.HTTPConnection("127.0.0.1", OPEN, timeout=30)

    def ask(method, path, body=None, expected=(), **headers):
        connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read()
        if expected and answer.status not in expected:
            raise RuntimeError(f"{method} {path}: {answer.status} {text}")
        return answer

    for digest, data in image.blobs().items():
        if ask("HEAD", f"/v2/{name}/blobs/{digest}").status == 200:
            continue
        place = ask("POST", f"/v2/{name}/blobs/uploads/", b"", (202,)).headers["Location"]
        path = urllib.parse.urlsplit(place)
        query = f"{path.query}&" if path.query else ""
        ask("PUT", f"{path.path}?{query}digest={digest}", data, (201,), Content_Type="application/octet-stream")
    for member in image.manifests:
        target = tag if member is image else member.digest
        ask("PUT", f"/v2/{name}/manifests/{target}", member.manifest, (201,), Content_Type=member.media_type)
    connection.close()


def bcrypt(password):
    """As `htpasswd -B` writes it, by the C library's crypt(3)."""
    crypt = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), b"$2y$05$abcdefghijklmnopqrstuu").decode()


def quoted(path):
    return f'"{path}"'


class Authority:
    """A key and a certificate of its own, made by openssl: of the registry, and of the tokens."""

    def __init__(self, directory):
        self.key, self.certificate = directory / "key.pem", directory / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-keyout", self.key,
                        "-out", self.certificate, "-subj", "/CN=registry.test", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:registry.test"], check=True, capture_output=True)

    def sign(self, claims):
        der = subprocess.run(["openssl", "x509", "-in", self.certificate, "-outform", "DER"], check=True,
                             capture_output=True).stdout
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        signed = ".".join(unpadded(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True,
                                   capture_output=True).stdout
        return f"{signed}.{unpadded(signature)}"


def unpadded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class TokenServer:
    """Gives tokens for the password (GET, basic authorization) and for an identity token (POST, OAuth 2).

    `requests` keeps what was asked. Repositories whose name begins with `public/` need no password.
    """

    IDENTITY = "an identity token"

    def __init__(self, place, authority):
        outer, self.authority, self.requests = self, authority, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                outer.answer(self, "GET", asked, self.headers.get("Authorization") == expected)

            def do_POST(self):
                asked = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                identity = asked.get("grant_type") == ["refresh_token"] and asked.get("refresh_token") == [outer.IDENTITY]
                password = asked.get("grant_type") == ["password"] and asked.get("password") == [PASSWORD]
                outer.answer(self, "POST", asked, identity or password)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", TOKENS), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = place.listen(port=TOKENS)
        threading.Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.1}).start()

    def token(self, scopes, minutes=5):
        access = []
        for scope in (part for text in scopes for part in text.split()):
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        return self.authority.sign({"iss": "tests", "aud": SERVICE, "sub": USER, "iat": now, "nbf": now - 5,
                                    "exp": now + 60 * minutes, "jti": str(now), "access": access})

    def answer(self, handler, method, asked, known):
        self.requests.append((method, asked))
        scopes = asked.get("scope", [])
        public = scopes and all(scope.split(":")[1].startswith("public/") for text in scopes for scope in text.split())
        status, body = 401, b"{}"
        if known or public:
            token = self.token(scopes)
            status, body = 200, json.dumps({"token": token, "access_token": token, "expires_in": 300}).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
