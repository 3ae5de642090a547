"""A small shop: GET /health, GET /products, POST /checkout. Listens on $PORT."""

import json
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import shipping

DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")


def database():
    """Return a connection to the shop's orders."""
    db = sqlite3.connect(DATABASE, timeout=5)
    db.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, total REAL)")
    return db


def checkout(order):
    """Store an order and return its total with shipping."""
    total = sum(order["prices"]) + shipping.cost(order.get("postcode"))
    with database() as db:
        number = db.execute("INSERT INTO orders (total) VALUES (?)", (total,)).lastrowid
    db.close()
    return {"order": number, "total": total}


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, {"status": "well"})
        if self.path == "/products":
            return self.answer(200, [{"name": "pit board", "price": 20}])
        return self.answer(404, {"error": "no such page"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.answer(200, checkout(json.loads(body)))
        except Exception as error:
            print(f"ERROR {type(error).__name__}: {error}", flush=True)
            self.answer(500, {"error": "checkout failed"})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
