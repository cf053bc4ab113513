#!/usr/bin/env python3
"""A double of the Kubernetes API server for tests: it stores, lists in parts, watches, applies, and fails on request.

It is not an API server: it knows no types, and of server-side apply it knows only which manager wrote an object first. With
--schemas it sets the defaults of the CustomResourceDefinitions in deploy/crds, and rejects what their schemas and rules and KEDA's
schema reject (it needs the packages of scripts/requirements.txt then). What it does is what the tests rely on:

  GET    list (limit, continue, labelSelector of equal labels), one object, watch (resourceVersion, bookmarks, timeoutSeconds, 410 after a compaction)
  POST   create (409 when it exists; generateName), PUT replace (409 for another resourceVersion)
  PATCH  apply (409 for another manager's object unless forced), merge patch of an object or of its status
  DELETE with a precondition on the uid

  POST /double/fault    {"status": 429, "count": 2, "method": "GET", "contains": "watch=true", "retryAfter": 1, "body": "…"}
  POST /double/calm     ends all faults
  POST /double/tokens   {"valid": ["…"]} refuses requests with other tokens with 401
  POST /double/compact  forgets the history and the pages: older versions are gone
  POST /double/bookmark sends a bookmark to all watches
  POST /double/cut      ends all watches in the middle of an object; /double/end ends them properly
  POST /double/line     {"line": "…"} sends a line of the test's choice to all watches
  POST /double/objects  {"collection": "…", "items": […]} creates many objects at once; the log does not have them
  GET  /double/count    the number of requests with a token so far, by method and resource
  GET  /double/log      the requests so far: method, path, authorization, content type, body, status of the answer

Usage: api_server_double.py [--schemas] [--cert FILE --key FILE [--client-ca FILE]]; the port is printed.
"""
import argparse
import bisect
import http.server
import json
import pathlib
import ssl
import sys
import threading
import time
import urllib.parse

CHANGE = threading.Condition()
STATE = {"version": 100, "oldest": 0, "serial": 0, "pages": {}, "tokens": None}
OBJECTS = {}  # collection -> {(namespace, name): object}
HISTORY = {}  # collection -> [(version, namespace, type, object)], in the order of versions
FAULTS = []
LOG = []
ORDERS = []  # orders to the watches: (kind, text)
SCHEMAS = {}  # collection -> (defaults, problems): functions of an object


def status(code, reason, message):
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}


def merge(old, new):
    """RFC 7386: null removes a member, also where there was no object before."""
    if not isinstance(new, dict):
        return new
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def selects(selector, item):
    labels = item.get("metadata", {}).get("labels") or {}
    return all(labels.get(one.split("=")[0]) == one.split("=")[-1] for one in (selector or "").split(",") if one)


def write(collection, key, item, kind):
    """Stores an object under a new version and notes the event; the caller holds the lock."""
    STATE["version"] += 1
    item.setdefault("metadata", {})["resourceVersion"] = str(STATE["version"])
    if key[0]:
        item["metadata"]["namespace"] = key[0]
    item["metadata"]["name"] = key[1]
    item["metadata"].setdefault("uid", "uid-%d" % STATE["version"])
    item["metadata"].setdefault("creationTimestamp", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    objects = OBJECTS.setdefault(collection, {})
    old = objects.get(key)
    is_new_spec = old is None or old.get("spec") != item.get("spec")
    item["metadata"]["generation"] = (old or {}).get("metadata", {}).get("generation", 0) + is_new_spec
    if kind == "DELETED":
        objects.pop(key, None)
    else:
        objects[key] = item
    HISTORY.setdefault(collection, []).append((STATE["version"], key[0], kind, json.dumps(item)))
    CHANGE.notify_all()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # As Go's server: else the second part of each answer waits until the client has acknowledged the first, for 40 ms.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, code, item, headers=()):
        body = item if isinstance(item, bytes) else json.dumps(item).encode()
        if self.entry is not None:
            self.entry["status"] = code
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def place(self, path):
        """Collection, namespace, name and subresource of a path."""
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        size = 2 if parts[0] == "api" else 3
        root, rest = "/".join(parts[:size]), parts[size:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        rest += [None, None]
        return root + "/" + rest[0], namespace, rest[1], rest[2]

    def handle_request(self):
        self.entry = None
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path.startswith("/double/"):
            return self.control(url.path[len("/double/"):], json.loads(text or b"{}"))
        with CHANGE:
            # A watch obeys the orders that follow its entry in the log.
            self.orders = len(ORDERS)
            self.entry = {
                "method": self.command, "path": self.path, "authorization": self.headers.get("Authorization") or "",
                "contentType": self.headers.get("Content-Type") or "", "body": text.decode(), "status": 0}
            LOG.append(self.entry)
            # The test's own requests have no token.
            known = STATE["tokens"] is None or not self.entry["authorization"] or self.entry["authorization"] in STATE["tokens"]
            fault = next((fault for fault in FAULTS if fault["count"] > 0
                          and fault.get("method", self.command) == self.command
                          and fault.get("contains", "") in self.path), None)
            if fault:
                fault["count"] -= 1
        if not known:
            return self.answer(401, status(401, "Unauthorized", "the token is not known"))
        if fault:
            headers = [("Retry-After", str(fault["retryAfter"]))] if "retryAfter" in fault else []
            body = fault.get("body")
            return self.answer(fault["status"], body.encode() if body is not None else status(
                fault["status"], fault.get("reason", "InternalError"), "a fault of the double"), headers)
        collection, namespace, name, subresource = self.place(url.path)
        if query.get("watch") == "true":
            return self.watch(collection, namespace, query)
        body = json.loads(text) if text else {}
        with CHANGE:
            code, item = self.act(collection, namespace, name, subresource, query, body)
        self.answer(code, item)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def control(self, order, body):
        with CHANGE:
            if order == "log":
                return self.answer(200, LOG)
            if order == "count":
                count = {}
                for entry in LOG:
                    if entry["authorization"]:
                        path, _, query = entry["path"].partition("?")
                        collection, _, _, subresource = self.place(path)
                        kind = " ".join(filter(None, (
                            "WATCH" if "watch=true" in query else entry["method"], collection.split("/")[-1], subresource)))
                        count[kind] = count.get(kind, 0) + 1
                return self.answer(200, count)
            if order == "fault":
                FAULTS.append(dict({"count": 1}, **body))
            elif order == "objects":
                for item in body["items"]:
                    write(body["collection"], (item["metadata"]["namespace"], item["metadata"]["name"]), item, "ADDED")
            elif order == "calm":
                FAULTS.clear()
            elif order == "tokens":
                STATE["tokens"] = [f"Bearer {token}" for token in body["valid"]]
            elif order == "compact":
                HISTORY.clear()
                STATE["pages"].clear()
                STATE["version"] += 1
                STATE["oldest"] = STATE["version"]
            else:
                ORDERS.append((order, body.get("line", "")))
            CHANGE.notify_all()
        self.answer(200, {})

    def act(self, collection, namespace, name, subresource, query, body):
        objects = OBJECTS.setdefault(collection, {})
        key = (namespace, name)
        old = objects.get(key)
        if self.command == "GET" and name is None:
            return self.list(collection, namespace, query)
        if self.command in ("POST", "PUT") and (problem := self.reject(collection, body)):
            return problem
        if self.command == "POST":
            metadata = body.setdefault("metadata", {})
            if "name" not in metadata:
                STATE["serial"] += 1
                metadata["name"] = metadata.get("generateName", "") + str(STATE["serial"])
            key = (namespace, metadata["name"])
            if key in objects:
                return 409, status(409, "AlreadyExists", "%s exists" % key[1])
            write(collection, key, body, "ADDED")
            return 201, body
        if old is None and not (self.command == "PATCH" and "apply-patch" in self.headers["Content-Type"]):
            return 404, status(404, "NotFound", '%s "%s" not found' % (collection.split("/")[-1], name))
        if self.command == "GET":
            return 200, old
        if self.command == "DELETE":
            uid = (body.get("preconditions") or {}).get("uid")
            if uid and uid != old["metadata"]["uid"]:
                return 409, status(409, "Conflict", "the uid is another one")
            write(collection, key, old, "DELETED")
            return 200, status(200, "", "deleted")
        version = body.get("metadata", {}).get("resourceVersion")
        if version and old and version != old["metadata"]["resourceVersion"]:
            return 409, status(409, "Conflict", "the object has been modified")
        if self.command == "PUT":
            body["metadata"]["uid"] = old["metadata"]["uid"]
            write(collection, key, body, "MODIFIED")
            return 200, body
        manager = query.get("fieldManager", "")
        if "apply-patch" in self.headers["Content-Type"]:
            # An apply creates what is not there, but not as an object that it names by its identity.
            if body.get("metadata", {}).get("uid") not in (None, (old or {}).get("metadata", {}).get("uid")):
                return 409, status(409, "Conflict", "the uid is another one")
            owner = (old or {}).get("metadata", {}).get("managedFields", [{}])[0].get("manager", manager)
            if old and owner != manager and query.get("force") != "true":
                return 409, status(409, "Conflict", 'conflict with "%s"' % owner)
            body.setdefault("metadata", {})["managedFields"] = [{"manager": manager}]
        new = merge(old or {}, {"status": body.get("status", {})} if subresource == "status" else body)
        if problem := self.reject(collection, new):
            return problem
        if old is not None and {k: v for k, v in new.items()} == old:
            return 200, old
        write(collection, key, new, "MODIFIED" if old else "ADDED")
        return (200 if old else 201), new

    def reject(self, collection, item):
        """Sets the defaults of the schema; the answer for an object that it rejects."""
        if collection not in SCHEMAS:
            return None
        defaults, problems = SCHEMAS[collection]
        defaults(item)
        found = problems(item)
        return (422, status(422, "Invalid", "; ".join(found))) if found else None

    def list(self, collection, namespace, query):
        token, limit = query.get("continue"), int(query.get("limit", 0) or 0)
        if token:
            if token not in STATE["pages"]:
                return 410, status(410, "Expired", "the continue token is too old")
            items, version = STATE["pages"].pop(token)
        else:
            items = [json.loads(json.dumps(item)) for key, item in sorted(OBJECTS[collection].items())
                     if (not namespace or key[0] == namespace) and selects(query.get("labelSelector"), item)]
            version = str(STATE["version"])
        metadata = {"resourceVersion": version}
        if limit and len(items) > limit:
            STATE["serial"] += 1
            metadata["continue"] = "page-%d" % STATE["serial"]
            STATE["pages"][metadata["continue"]] = (items[limit:], version)
            items = items[:limit]
        return 200, {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def watch(self, collection, namespace, query):
        version = int(query.get("resourceVersion") or 0)
        end = time.monotonic() + float(query.get("timeoutSeconds", 300))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with CHANGE:
            done = self.orders
            gone = version < STATE["oldest"]
        if gone:
            self.chunk(json.dumps({"type": "ERROR", "object": status(410, "Expired", "too old resource version")}) + "\n")
        while not gone and time.monotonic() < end:
            with CHANGE:
                history = HISTORY.get(collection, [])
                first = bisect.bisect_right(history, version, key=lambda event: event[0])
                events = [event for event in history[first:] if not namespace or event[1] == namespace]
                orders, done = ORDERS[done:], len(ORDERS)
                latest = STATE["version"]
                if not events and not orders:
                    CHANGE.wait(max(0, min(1, end - time.monotonic())))
                    continue
            for event in events:
                self.chunk('{"type": "%s", "object": %s}\n' % (event[2], event[3]))
                version = event[0]
            for order, line in orders:
                if order == "bookmark":
                    version = latest
                    self.chunk(json.dumps({"type": "BOOKMARK", "object": {
                        "metadata": {"resourceVersion": str(latest)}}}) + "\n")
                elif order == "line":
                    self.chunk(line + "\n")
                elif order == "cut":
                    self.chunk('{"type":"MODIFIED","object":{"metadata":{"name":"cu')
                    self.close_connection = True
                    return
                elif order == "end":
                    end = 0
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def load_schemas():
    """The definitions, as Tests/ManifestTests applies them, and KEDA's."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "ManifestTests"))
    import crds

    for name in crds.NAMES:
        SCHEMAS[f"apis/kedastral.io/v1alpha1/{name}"] = (
            lambda item, name=name: crds.complete(item, crds.schema(name)),
            lambda item, name=name: crds.problems(name, {key: value for key, value in item.items()}))
    SCHEMAS["apis/keda.sh/v1alpha1/scaledobjects"] = (lambda item: None, crds.scaled_object_problems)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--schemas", action="store_true")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    options = parser.parse_args()
    if options.schemas:
        load_schemas()
    server = Server(("127.0.0.1", 0), Handler)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        if options.client_ca:
            context.load_verify_locations(options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("port %d." % server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
