# Takes OTLP, bulk or HEC requests, reads them as their specifications say, and writes down what was in them.
import calendar, gzip, json, re, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

kind, path = sys.argv[1:]
out = open(path, "w", encoding="utf-8")

def keep(nanos, labels, text):
    row = [f"{nanos // 10**9}.{nanos % 10**9:09}", labels["service"], labels["host"], labels["order_id"], text]
    out.write("|".join(row) + "\n")
    out.flush()

def otlp(body):
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
    request = ExportLogsServiceRequest.FromString(body)
    for resource in request.resource_logs:
        labels = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
        assert labels["service.name"] == "shop-api", labels
        for scope in resource.scope_logs:
            for record in scope.log_records:
                assert record.observed_time_unix_nano > record.time_unix_nano
                own = {pair.key: pair.value.string_value for pair in record.attributes}
                keep(record.time_unix_nano, labels | own, record.body.string_value)
    return "application/x-protobuf", ExportLogsServiceResponse().SerializeToString()

ids = set()

def bulk(body):
    lines = body.decode().split("\n")
    assert lines.pop() == ""
    items = []
    for action, document in zip(lines[::2], lines[1::2], strict=True):
        action, document = json.loads(action), json.loads(document)
        assert list(action) == ["create"] and action["create"]["_id"] not in ids, action
        ids.add(action["create"]["_id"])
        whole, fraction = re.fullmatch(r"(.*)\.(\d{9})Z", document["@timestamp"]).groups()
        seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
        keep(seconds * 10**9 + int(fraction), document["labels"], document["message"])
        items.append({"create": {"_index": action["create"]["_index"], "_id": action["create"]["_id"], "status": 201}})
    return "application/json", json.dumps({"took": 1, "errors": False, "items": items}).encode()

def hec(body):
    decoder, text, at = json.JSONDecoder(), body.decode(), 0
    while text[at:].strip():
        text = text[at:].lstrip()
        number = re.search(r'"time":(\d+)\.(\d{9})', text)
        event, at = decoder.raw_decode(text)
        assert all(isinstance(value, str) for value in event["fields"].values())
        assert event["host"] == "web-1"
        keep(int(number[1]) * 10**9 + int(number[2]), event["fields"], event["event"])
    return "application/json", b'{"text":"Success","code":0}'

routes = {
    "otlp": ("/v1/logs", otlp),
    "elasticsearch": ("/_bulk", bulk),
    "opensearch": ("/_bulk", bulk),
    "splunk": ("/services/collector/event", hec),
}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        where, read = routes[kind]
        assert self.path == where, self.path
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        content_type, answer = read(body)
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
