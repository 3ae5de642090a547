import unittest

import shipping


class Shipping(unittest.TestCase):
    def test_near_is_cheap(self):
        self.assertEqual(4.0, shipping.cost("10115"))

    def test_far_is_dear(self):
        self.assertEqual(9.0, shipping.cost("80331"))


if __name__ == "__main__":
    unittest.main()
