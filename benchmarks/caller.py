"""Runs in a box: asks the model N times, 2 KB each, over a new connection each; prints the milliseconds."""

import http.client
import json
import sys
import time

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 2000}]})
spans = []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", 8000)
    connection.request("POST", "/v1/chat/completions", BODY, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    response.read()
    connection.close()
    spans.append(1000 * (time.perf_counter() - began))
print(json.dumps(spans))
