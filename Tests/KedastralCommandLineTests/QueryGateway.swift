import Foundation
import TestSupport

/// A double of a gateway before a Prometheus: it refuses POST below `/post403` and `/post405`, wants a parameter below
/// `/tenant`, and takes requests as a proxy does. A real Prometheus does none of this.
///
/// Everywhere it answers with a load of 300.
final class QueryGateway: Sendable {
  private static let script = """
    import json, sys
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from urllib.parse import urlparse, parse_qs
    class Gateway(BaseHTTPRequestHandler):
      def log_message(self, *arguments): pass
      def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
      def handle_query(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        print(self.command, self.path.split("query=")[0], flush=True)
        url = urlparse(self.path)
        if self.command == "POST" and url.path.startswith("/post"): return self.answer(int(url.path[5:8]), "forbidden")
        if url.path.startswith("/tenant") and "tenant=blue" not in url.query: return self.answer(401, "no tenant")
        form = parse_qs(body or url.query)
        if not url.path.endswith("/api/v1/query_range"): return self.answer(404, "404 page not found")
        start, end, step = (float(form[name][0]) for name in ("start", "end", "step"))
        values = [[start + step * i, "300"] for i in range(int((end - start) / step) + 1)]
        result = [{"metric": {}, "values": values}]
        self.answer(200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}))
      do_GET = do_POST = handle_query
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Gateway).serve_forever()
    """

  let url: String
  private let process: ChildProcess

  init() async throws {
    let port = freePort()
    url = "http://127.0.0.1:\(port)"
    process = try ChildProcess("python3", "-c", Self.script, "\(port)")
    try await eventually("the gateway answers") { await Daemon.get(port, "/ready").status == 404 }
  }

  /// Method and URL of each request, without what the query says.
  var requests: [String] {
    process.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { $0 != "GET /ready" }
  }
}
