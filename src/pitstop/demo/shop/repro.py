"""Fails while checkout without a postcode answers 500."""

import json
import os
import sys
import urllib.error
import urllib.request

order = urllib.request.Request(
    os.environ["PITSTOP_URL"] + "/checkout", data=json.dumps({"prices": [20]}).encode(), method="POST"
)
try:
    urllib.request.urlopen(order, timeout=5).close()
except urllib.error.HTTPError as error:
    sys.exit(f"checkout without a postcode answers {error.code}")
