# Does what loki-canary does: writes numbered lines, reads them back over a tail, asks for those that are missing, for all of
# them after a while, and for their number. Prints what it found: written, tailed, out of order, asked for, counted.
import json, sys, threading, time, urllib.parse, urllib.request
from websockets.sync.client import connect

url, rounds = sys.argv[1], int(sys.argv[2])
selector = '{name="loki-canary",stream="stdout"}'
headers = {"User-Agent": "loki-canary/3.5.0", "X-Query-Tags": "Source=canary"}
written, tailed, late = [], [], []
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

def get(path, **params):
    asked = urllib.request.Request(f"{url}{path}?{urllib.parse.urlencode(params)}", headers=headers)
    with opener.open(asked, timeout=30) as answer:
        return json.load(answer)["data"]

def push(now):
    line = f"{now} {'p' * 80}"
    body = {"streams": [{"stream": {"name": "loki-canary", "stream": "stdout"}, "values": [[str(now), line]]}]}
    asked = urllib.request.Request(f"{url}/loki/api/v1/push", json.dumps(body).encode(), {**headers, "Content-Type": "application/json"})
    assert opener.open(asked, timeout=30).status == 204
    written.append(now)

def tail(socket):
    while len(tailed) < rounds:
        for stream in json.loads(socket.recv(timeout=60))["streams"]:
            for stamp, line in stream["values"]:
                now = int(line.split(" ")[0])
                assert int(stamp) == now, (stamp, line)
                if tailed and now <= tailed[-1]:
                    late.append(now)
                tailed.append(now)

address = f"ws{url[4:]}/loki/api/v1/tail?query={urllib.parse.quote(selector)}"
with connect(address, additional_headers=headers, proxy=None) as socket:
    reader = threading.Thread(target=tail, args=(socket,))
    reader.start()
    for _ in range(rounds):
        push(time.time_ns())
    reader.join(90)
start, end = written[0], written[-1] + 1
asked = get("/loki/api/v1/query_range", start=start, end=end, query=selector, limit=1000)["result"]
stored = sorted(int(line.split(" ")[0]) for stream in asked for _, line in stream["values"])
counted = get("/loki/api/v1/query", query=f"count_over_time({selector}[1h])")["result"]
print(len(written), len(set(tailed)), len(late), stored == written, [series["value"][1] for series in counted])
