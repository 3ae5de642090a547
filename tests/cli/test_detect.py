"""What is seen in single files: one row for each thing that a team may have written."""

from __future__ import annotations

import json

import pytest

from pitstop.cli.detect import look
from repositories import git, write


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """Return a function that looks at a repository with such files, nothing committed."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def of(files):
        git(tmp_path, "init", "-q", "-b", "main", "shop")
        write(tmp_path / "shop", files)
        return look(tmp_path / "shop")

    return of


def package(**said) -> str:
    """Return a package.json."""
    return json.dumps(said)


@pytest.mark.parametrize(
    ("files", "route"),
    [
        ({"a.py": '@app.get("/healthz")\n'}, "/healthz"),
        ({"a.py": "@app.route('/health', methods=['GET'])\n"}, "/health"),
        ({"urls.py": "    re_path(r'^x', y), path('status/', z),\n"}, "/status/"),
        ({"a.ts": "router.get(`/ready`, ok)\n"}, "/ready"),
        ({"a.controller.ts": "@Controller('health')\n"}, "/health"),
        ({"pages/api/health.ts": "export default x\n"}, "/api/health"),
        ({"main.go": 'r.GET("/readyz", f)\n'}, "/readyz"),
        ({"m.rs": '    .route("/health", get(well))\n'}, "/health"),
        ({"m.rs": '#[get("/ping")]\n'}, "/ping"),
        ({"routes.rb": "  get '/up', to: 'x'\n"}, "/up"),
        ({"R.java": '@GetMapping("/api/health")\n'}, "/api/health"),
        (
            {"pom.xml": "<artifactId>spring-boot-starter-actuator</artifactId>\n"},
            "/actuator/health",
        ),
        ({"P.cs": 'app.MapHealthChecks("/healthz");\n'}, "/healthz"),
        ({"web.php": "Route::get('/health', fn);\n"}, "/health"),
        ({"railway.toml": '[deploy]\nhealthcheckPath = "/live"\n'}, "/live"),
        ({"render.yaml": "    healthCheckPath: /status\n"}, "/status"),
        ({"d.yaml": "          path: /livez\r\n"}, "/livez"),
        ({"Dockerfile": "HEALTHCHECK CMD wget -q http://localhost/ping\nCMD x\n"}, "/ping"),
        # what is registered before what is mentioned, in tests, or asked by a client
        ({"a.py": 'x = "/health"\n', "z/b.py": "@app.get('/ready')\n"}, "/ready"),
        ({"a.js": "fetch('/health')\n", "z/b.js": "app.get('/ping', f)\n"}, "/ping"),
        ({"tests/a.py": "@app.get('/health')\n", "z/b.py": "X = '/up'\n"}, "/up"),
        # what only looks like it
        ({"a.py": "x.get('status')\nup = 'up'\n# '/health'\n"}, None),
        ({"node_modules/x/a.js": "app.get('/health')\n", "a.md": "'/health'\n"}, None),
        ({"a.py": "@app.get('/healthy/things')\n"}, None),
    ],
)
def test_a_health_route_is_seen(seen, files, route):
    """In any language; routes before mentions."""
    health = seen(files).health
    assert (health[0].value if health else None) == route


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".env.example": "DATABASE_URL=postgres://u:pw@h/d\n"}, ("postgres", "DATABASE_URL", "")),
        ({".env.example": "DB_URL=sqlite:///var/shop.db?x=1\n"}, ("sqlite", "", "var/shop.db")),
        ({".env.example": "POSTGRES_HOST=db\nPOSTGRES_PASSWORD=pw\n"}, ("postgres", "", "")),
        ({".env.example": "DATABASE_URL=mysql://u:pw@h/d\n"}, None),
        ({"compose.yml": "services: {db: {image: 'postgis/postgis:16'}}\n"}, ("postgres", "", "")),
        (
            {"a/settings.py": "X = 'django.db.backends.postgresql'\nY = environ['SHOP_DB_URL']\n"},
            ("postgres", "SHOP_DB_URL", ""),
        ),
        (
            {
                "config/database.yml": "production:\n  adapter: postgresql\n  url: <%= ENV['DB_URL'] %>\n"
            },
            ("postgres", "DB_URL", ""),
        ),
        (
            {"config/database.yml": "a:\n  adapter: sqlite3\n  database: db/x.sqlite3\n"},
            ("sqlite", "", "db/x.sqlite3"),
        ),
        (
            {
                "prisma/schema.prisma": 'datasource db {\n provider = "sqlite"\n url = "file:./dev.db"\n}\n'
            },
            ("sqlite", "", "prisma/dev.db"),
        ),
        ({"alembic.ini": "sqlalchemy.url = postgresql://u:pw@h/d\n"}, ("postgres", "", "")),
        ({"alembic.ini": "sqlalchemy.url = sqlite:///./app.db\n"}, ("sqlite", "", "./app.db")),
        ({"a.go": 'x := os.Getenv("DATABASE_URL")\n'}, ("postgres", "DATABASE_URL", "")),
        ({"a.ts": "pool(process.env.SHOP_POSTGRES_URL)\n"}, ("postgres", "SHOP_POSTGRES_URL", "")),
        ({"a.py": "db = sqlite3.connect('shop.db')\n"}, ("sqlite", "", "shop.db")),
        ({"tests/test_a.py": "db = sqlite3.connect('shop.db')\n"}, None),
        ({"a.py": "os.environ['TEST_DATABASE_URL']\n"}, None),
    ],
)
def test_a_database_is_seen_and_its_address_is_not_copied(seen, files, expected):
    """By its variable or its file."""
    found = seen(files).databases
    assert [(one.kind, one.env, one.file) for one in found] == ([expected] if expected else [])
    assert "pw" not in repr(found)


@pytest.mark.parametrize(
    ("files", "key", "expected"),
    [
        ({"poetry.lock": "", "tox.ini": "[testenv]\ndeps = pytest\n"}, "targeted", "poetry run python -m pytest -q {tests}"),
        ({"pdm.lock": "", "tests/test_a.py": ""}, "smoke", "pdm run python -m pytest -q tests"),
        ({"setup.cfg": "[tool:pytest]\n"}, "smoke", "python3 -m pytest -q"),
        ({"test_a.py": ""}, "targeted", "python3 -m pytest -q {tests}"),
        ({"tests/test_smoke.py": "", "a/test_b.py": ""}, "smoke", "python3 -m pytest -q tests/test_smoke.py"),
        ({"package.json": package(scripts={"test": "react-scripts test"})}, "targeted", "npx react-scripts test --watchAll=false --findRelatedTests {files}"),
        ({"package.json": package(devDependencies={"vitest": "2"}), "yarn.lock": ""}, "targeted", "yarn vitest related --run {files}"),
        ({"package.json": package(devDependencies={"jest": "2"})}, "smoke", "npx jest"),
        ({"package.json": package(devDependencies={"vitest": "2"})}, "smoke", "npx vitest run"),
        ({"package.json": package(), "jest.config.ts": ""}, "targeted", "npx jest --findRelatedTests {files}"),
        ({"package.json": package(scripts={"test": 'echo "Error: no test specified" && exit 1'})}, "smoke", None),
        ({"package.json": package(scripts={"test": "tape t"}), "yarn.lock": ""}, "setup", "yarn install --frozen-lockfile"),
        ({"package.json": package()}, "setup", "npm install"),
        ({"package.json": package(scripts={"start": "next start -p 3000"}), "package-lock.json": ""}, "start", "npx next start --port $PORT"),
        ({"Makefile": "check test: x\n\ttrue\nA := b\n%.o:\n"}, "smoke", "make test"),
        ({"Makefile": "smoke-test:\n\ttrue\n", "pytest.ini": "[pytest]\n"}, "smoke", "make smoke-test"),
        ({"Cargo.toml": ""}, "smoke", "cargo test --quiet"),
        ({"Procfile": "worker: x\nweb:   serve --port ${PORT}\n"}, "start", "serve --port $PORT"),
        ({"Dockerfile": "FROM a\nCMD one\nFROM b\nEXPOSE 80\nENTRYPOINT [\"tini\", \"--\"]\nCMD [\"serve\", \"a b\", \":80\"]\n"}, "start", "tini -- serve 'a b' :$PORT"),
        ({"Dockerfile": 'CMD ["sh", "-c", "serve --port ${PORT:-80}"]\n'}, "start", "serve --port ${PORT:-80}"),
        ({"a/b.py": "app: Flask = Flask(__name__)\n", "requirements.txt": "gunicorn\n"}, "start", "gunicorn --bind 0.0.0.0:$PORT a.b:app"),
        ({"app.py": "api = Starlette()\n"}, "start", "uvicorn app:api --host 0.0.0.0 --port $PORT"),
        ({"docker-compose.yml": "services:\n  api:\n    build: .\n    ports: [{published: '9000', target: 80}]\n"}, "listen", "127.0.0.1:9000"),
        ({"docker-compose.yml": "services:\n  web:\n    build: .\n    ports: ['127.0.0.1:${P:-8081}:80/tcp']\n"}, "listen", "127.0.0.1:8081"),
        ({"docker-compose.yml": "services:\n  web:\n    build: .\n    ports: ['80:80', '99999:1']\n"}, "listen", None),
        ({"docker-compose.yml": "services:\n  redis:\n    image: redis\n    ports: ['6379:6379']\n"}, "listen", None),
    ],
)  # fmt: skip
def test_a_command_is_seen(seen, files, key, expected):
    """The way this team runs it."""
    facts = getattr(seen(files), key)
    assert (facts[0].value if facts else None) == expected


def test_of_two_languages_the_one_whose_tests_are_surest_comes_first(seen):
    """The other one stands beside it, to choose."""
    node = {"package.json": package(scripts={"test": "jest"}), "package-lock.json": "", "a.js": ""}
    python = {"app.py": "", "b.py": "", "tests/test_app.py": ""}
    found = seen(node | python)
    assert [fact.value for fact in found.smoke] == ["npm test", "python3 -m pytest -q tests"]
    write_pytest = {"pytest.ini": "[pytest]\n"}
    assert seen(write_pytest).smoke[0].value == "python3 -m pytest -q tests"


def test_a_worktree_without_git_is_walked(tmp_path):
    """Where git cannot list files, what is there is looked at, within bounds."""
    write(
        tmp_path, {"Procfile": "web: serve $PORT\n", "node_modules/x/Procfile": "", "a/b/c.py": ""}
    )
    assert look(tmp_path).start[0].value == "serve $PORT"
