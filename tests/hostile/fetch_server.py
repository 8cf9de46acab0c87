#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An archive over http, as tests want it: fetch_server.py DIRECTORY LOG [FAULT].

Serves DIRECTORY on a port of 127.0.0.1 that it prints, with byte ranges (If-Range by date), and writes a line per
request to LOG: "PATH RANGE STATUS", RANGE being "-" where none was asked for.  FAULT is a file that is read for each
request; when it is there it says "KIND PATTERN [NUMBER]", for paths in which PATTERN occurs:

    stop NUMBER        close the connection after that many bytes of the answer
    hang NUMBER        send so many bytes and then nothing, as long as the fault is there
    short              a whole answer that lacks the last byte
    swap               other bytes of the same length
    status NUMBER      nothing but this status
    announce NUMBER    the length of the answer is this, and so many bytes follow, until the client has enough
    endless NUMBER     the same in chunks, of an answer that does not say how long it is
"""
import email.utils
import http.server
import os
import sys
import time
import urllib.parse

ROOT, LOG = os.path.realpath(sys.argv[1]), sys.argv[2]
FAULT = sys.argv[3] if len(sys.argv) > 3 else None


def fault_for(path):
    try:
        kind, pattern, *number = open(FAULT).read().split()
    except (TypeError, OSError, ValueError):
        return None, 0
    return (kind, int(number[0]) if number else 0) if pattern in path else (None, 0)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, status):
        asked = self.headers.get("Range", "-").replace("bytes=", "")
        with open(LOG, "a") as log:
            log.write(f"{self.path} {asked} {status}\n")

    def answer(self, status, body, headers=()):
        self.note(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def range_of(self, modified, size):
        asked = self.headers.get("Range", "")
        if not asked.startswith("bytes=") or self.headers.get("If-Range", modified) != modified:
            return 0
        start = int(asked[6:].split("-")[0])
        return start if start < size else 0

    def whole(self, path):
        body = open(path, "rb").read()
        modified = email.utils.formatdate(os.stat(path).st_mtime, usegmt=True)
        start = self.range_of(modified, len(body))
        headers = [("Last-Modified", modified), ("Accept-Ranges", "bytes")]
        if start:
            headers.append(("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}"))
        return start, body, headers

    def pour(self, number, announced):
        self.note(200)
        self.send_response(200)
        self.send_header(*(("Content-Length", str(number)) if announced else ("Transfer-Encoding", "chunked")))
        self.end_headers()
        self.close_connection = True
        sent = 0
        try:
            while sent < number:
                if not announced:
                    self.wfile.write(b"100000\r\n")
                sent += self.wfile.write(bytes(1 << 20))
                if not announced:
                    self.wfile.write(b"\r\n")
        except OSError:
            pass
        with open(LOG + ".poured", "w") as log:
            log.write(str(sent))

    def do_GET(self):
        path = os.path.realpath(ROOT + "/" + urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        kind, number = fault_for(self.path)
        if kind == "status":
            self.answer(number, b"")
            return
        if not path.startswith(ROOT + "/") or not os.path.isfile(path):
            self.answer(404, b"")
            return
        if kind in ("announce", "endless"):
            self.pour(number, kind == "announce")
            return
        start, body, headers = self.whole(path)
        if kind == "short":
            body = body[:-1]
        if kind == "swap":
            body = bytes(b ^ 1 for b in body)
        body = self.answer(206 if start else 200, body[start:], headers)
        if kind in ("stop", "hang"):
            self.wfile.write(body[:number])
            self.wfile.flush()
            while kind == "hang" and fault_for(self.path)[0] == "hang":
                time.sleep(0.1)
            self.close_connection = True
            return
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
