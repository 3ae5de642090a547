"""Files that change more than the code of one release: schema, dependencies, the way to production."""

from collections.abc import Iterable, Iterator

from pitstop.config import Guards
from pitstop.domain.change import Patch
from pitstop.guards.kinds import matches
from pitstop.guards.objection import Objection

_MIGRATIONS = (
    *("**/migrations/**", "**/migrate/**", "**/alembic/versions/**", "**/db/changelog/**"),
    *("V[0-9]*__*.sql", "**/schema.prisma", "**/db/schema.rb", "**/db/structure.sql"),
)
_NO_MIGRATION = ("__init__.py", "README*", "*.md", "env.py", "script.py.mako")
_DEPENDENCIES = (
    *("requirements*.txt", "requirements*.in", "constraints*.txt", "pyproject.toml", "setup.py"),
    *("setup.cfg", "Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "pylock*.toml"),
    *("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"),
    *("bun.lock", "bun.lockb", "deno.lock", "Gemfile", "Gemfile.lock", "*.gemspec", "go.mod"),
    *("go.sum", "Cargo.toml", "Cargo.lock", "composer.json", "composer.lock", "pom.xml", "mix.exs"),
    *("mix.lock", "build.gradle", "build.gradle.kts", "gradle.lockfile", "*.csproj", ".gitmodules"),
    *("**/vendor/**", "**/requirements/*.txt", "**/requirements/*.in", "environment.yml"),
)
_DELIVERY = (
    *(".github/workflows/**", ".github/actions/**", ".gitlab-ci.yml", "**/.gitlab/ci/**"),
    *(
        ".circleci/**",
        "Jenkinsfile",
        "Jenkinsfile.*",
        "azure-pipelines.yml",
        ".travis.yml",
        ".drone.yml",
    ),
    *(
        "bitbucket-pipelines.yml",
        ".buildkite/**",
        "Dockerfile",
        "Dockerfile.*",
        "*.Dockerfile",
        ".dockerignore",
    ),
    *(
        "docker-compose*.y*ml",
        "compose*.y*ml",
        "Procfile",
        "Procfile.*",
        "railway.toml",
        "railway.json",
    ),
    *("nixpacks.toml", "fly.toml", "app.json", "vercel.json", "netlify.toml", "render.yaml"),
    *("serverless.y*ml", "**/k8s/**", "**/kubernetes/**", "**/helm/**", "**/charts/**"),
    *("Chart.yaml", "kustomization.yaml", "*.tf", "*.tfvars", "**/ansible/**", "**/deploy.rb"),
    *("config/deploy*.yml", ".kamal/**", "Capfile", "pitstop.toml", ".pitstop/**", "nginx*.conf"),
    *(".tool-versions", ".python-version", ".nvmrc", "runtime.txt"),
)


def migrations(patch: Patch, guards: Guards) -> Iterator[Objection]:
    """Object to a change of the database's schema: the way back does not take it back."""
    yield from _named(
        patch,
        "migrations",
        (*_MIGRATIONS, *guards.migrations),
        "a rollback of the code does not roll back the database",
        but=_NO_MIGRATION,
    )


def dependencies(patch: Patch, guards: Guards) -> Iterator[Objection]:
    """Object to other people's code that comes along."""
    yield from _named(
        patch,
        "dependencies",
        (*_DEPENDENCIES, *guards.dependencies),
        "other code than the fix's comes along",
    )
    bumps = [file.path for file in patch.files if file.submodule]
    if bumps:
        yield Objection("dependencies", f"the submodule {bumps[0]} moves to another commit")


def delivery_config(patch: Patch, guards: Guards) -> Iterator[Objection]:
    """Object to a change of how the service is built, checked and deployed."""
    yield from _named(
        patch,
        "delivery-config",
        (*_DELIVERY, *guards.delivery_config),
        "it changes how this very fix is built, checked or deployed",
    )


def is_migration(path: str, guards: Guards) -> bool:
    """Return whether a file changes the database's schema."""
    return matches(path, (*_MIGRATIONS, *guards.migrations)) and not matches(path, _NO_MIGRATION)


def _named(
    patch: Patch, gate: str, patterns: Iterable[str], why: str, but: Iterable[str] = ()
) -> Iterator[Objection]:
    names = [name for file in patch.files for name in (file.path, file.was) if name]
    found = [name for name in names if matches(name, patterns) and not matches(name, but)]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield Objection(gate, f"{ascii(found[0])[1:-1]}{more}: {why}")
