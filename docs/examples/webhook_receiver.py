"""python webhook_receiver.py 9000, with FITSIZE_SECRET (`whsec_...`) in the environment: prints what FitSize tells, nobody else's word."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from fitsize_client import NotFromFitSize, verified

seen = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = verified(headers, body, os.environ["FITSIZE_SECRET"])
        except NotFromFitSize:
            self.send_response(400)
        else:
            self.send_response(204)  # first of all: whoever answers late is told again
            if headers["webhook-id"] not in seen:  # a delivery may come twice
                seen.add(headers["webhook-id"])
                print(event["type"], event["data"]["id"], flush=True)
        self.end_headers()


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
