import os
import tempfile
import unittest

os.environ["SHOP_DATABASE"] = os.path.join(tempfile.mkdtemp(), "smoke.db")

import app


class Smoke(unittest.TestCase):
    def test_an_order_is_stored(self):
        self.assertEqual(24.0, app.checkout({"prices": [20], "postcode": "10115"})["total"])


if __name__ == "__main__":
    unittest.main()
