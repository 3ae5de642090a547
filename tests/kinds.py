"""Repositories of many kinds, as small as they can be and still show what they are."""

from __future__ import annotations

import json

PASSWORD = "hunter2-Correct"

KINDS: dict[str, dict[str, str]] = {
    "empty": {"README.md": "# Nothing yet\n"},
    "django": {
        "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\nimport django\n",
        "shop/settings.py": (
            "import os\nDATABASES = {\n    'default': {\n        'ENGINE': 'django.db.backends.sqlite3',\n"
            "        'NAME': BASE_DIR / 'db.sqlite3',\n    }\n}\n"
        ),
        "shop/urls.py": "urlpatterns = [\n    path('admin/', admin.site.urls),\n    path('health/', well),\n]\n",
        "shop/wsgi.py": "application = get_wsgi_application()\n",
        "requirements.txt": "django==5.0\ngunicorn==22.0\n",
        "requirements-dev.txt": "pytest-django\n",
        "pytest.ini": "[pytest]\nmarkers =\n    smoke: quick\n",
        "orders/test_models.py": "def test_it(): pass\n",
        "Procfile": "release: python manage.py migrate\nweb: gunicorn shop.wsgi --bind 0.0.0.0:$PORT\n",
    },
    "fastapi": {
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["fastapi", "uvicorn"]\n\n[tool.pytest.ini_options]\n',
        "uv.lock": "version = 1\n",
        "src/shop/main.py": (
            "from fastapi import FastAPI\n\napp = FastAPI()\nREADY = '/ready'\n\n\n"
            '@app.get("/healthz")\ndef well():\n    return {}\n'
        ),
        "tests/smoke/test_up.py": "def test_up(): client.get('/ping')\n",
        "Dockerfile": (
            "FROM python:3.12\nEXPOSE 8000\nHEALTHCHECK CMD curl -f \\\n  http://localhost:8000/healthz || exit 1\n"
            'CMD ["uvicorn", "shop.main:app", "--host", "0.0.0.0", "--port", "8000"]\n'
        ),
        ".env.example": f"SECRET_KEY=x\nDATABASE_URL=postgresql://shop:{PASSWORD}@localhost/shop\n",
        "fly.toml": "app = 'shop'\n",
    },
    "express": {
        "package.json": json.dumps(
            {
                "name": "shop",
                "scripts": {
                    "start": "node src/server.js",
                    "test": "jest --ci",
                    "test:smoke": "jest smoke",
                },
                "dependencies": {"express": "4"},
                "devDependencies": {"jest": "29"},
            },
            indent=2,
        ),
        "package-lock.json": "{}",
        "src/server.js": (
            "const app = express();\napp.get('/health', (req, res) => res.send('well'));\n"
            "app.listen(process.env.PORT);\n"
        ),
        "src/server.test.js": "test('x', () => fetch('/status'));\n",
        "prisma/schema.prisma": (
            'datasource db {\n  provider = "postgresql"\n  url      = env("SHOP_DATABASE_URL")\n}\n'
        ),
    },
    "next": {
        "package.json": json.dumps(
            {
                "packageManager": "pnpm@9.1.0",
                "scripts": {"build": "next build", "start": "next start", "test": "vitest"},
                "dependencies": {"next": "14"},
                "devDependencies": {"vitest": "2"},
            },
            indent=2,
        ),
        "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
        "src/app/api/health/route.ts": "export function GET() { return Response.json({}); }\n",
        "vercel.json": "{}",
    },
    "node-test": {
        "package.json": json.dumps(
            {"type": "module", "scripts": {"start": "node .", "test": "node --test"}}, indent=2
        ),
        "yarn.lock": "# yarn lockfile v1\n",
        ".yarnrc.yml": "nodeLinker: node-modules\n",
        "index.js": "http.createServer(answer).listen(3000);\n",
        "shop.test.js": "import test from 'node:test';\n",
    },
    "go": {
        "go.mod": "module shop\n",
        "cmd/shop/main.go": (
            'package main\n\nfunc main() {\n\thttp.HandleFunc("/readyz", ready)\n'
            '\thttp.HandleFunc("/healthz", well)\n\thttp.ListenAndServe(":"+os.Getenv("PORT"), nil)\n}\n'
        ),
        "cmd/shop/main_test.go": "package main\n",
        "Makefile": "BIN := shop\n.PHONY: test smoke\n\ntest:\n\tgo test ./...\n\nsmoke: build\n\t./smoke.sh\n\nrun:\n\tgo run ./cmd/shop\n",
        "k8s/deployment.yaml": (
            "kind: Deployment\nspec:\n  livenessProbe:\n    httpGet:\n      path: /livez\n      port: 8080\n"
        ),
    },
    "rails": {
        "Gemfile": 'gem "rails"\n',
        "bin/rails": "#!/usr/bin/env ruby\n",
        "config/application.rb": "module Shop; end\n",
        "config/routes.rb": 'Rails.application.routes.draw do\n  get "up" => "rails/health#show", as: :check\nend\n',
        "config/database.yml": (
            "default: &default\n  adapter: sqlite3\n\ntest:\n  <<: *default\n  database: storage/test.sqlite3\n\n"
            "production:\n  <<: *default\n  database: storage/production.sqlite3\n"
        ),
        "config/deploy.yml": "service: shop\nproxy:\n  healthcheck:\n    path: /up\n",
    },
    "compose": {
        "compose.yaml": (
            "services:\n  db:\n    image: postgres:16\n    environment:\n"
            f"      POSTGRES_PASSWORD: {PASSWORD}\n    ports: ['5432:5432']\n"
            "  web:\n    build: .\n    command: flask run --host 0.0.0.0 --port 5000\n    ports:\n"
            '      - "8090:5000"\n    environment:\n'
            f"      DATABASE_URL: postgres://shop:{PASSWORD}@db/shop\n    healthcheck:\n"
            '      test: ["CMD", "curl", "-f", "http://localhost:5000/status"]\n'
        ),
        "Pipfile.lock": "{}",
        "tests/test_orders.py": "import pytest\n",
    },
}
