"""Where migration tools write down how far a database has come; SQL that all databases speak."""

from collections.abc import Mapping, Sequence

HEADS = {
    "alembic_version": "SELECT version_num FROM alembic_version ORDER BY version_num",
    "django_migrations": (
        "SELECT app || '.' || name FROM django_migrations ORDER BY id DESC LIMIT 1"
    ),
    "schema_migrations": "SELECT CAST(max(version) AS VARCHAR(255)) FROM schema_migrations",
    "flyway_schema_history": (
        "SELECT version FROM flyway_schema_history WHERE success AND version IS NOT NULL "
        "ORDER BY installed_rank DESC LIMIT 1"
    ),
    "_prisma_migrations": (
        "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL "
        "AND rolled_back_at IS NULL ORDER BY finished_at DESC, migration_name DESC LIMIT 1"
    ),
    "knex_migrations": "SELECT name FROM knex_migrations ORDER BY id DESC LIMIT 1",
}
"""Table -> query for its newest entries (Alembic, Django, Rails and others, Flyway, Prisma, Knex)."""


def head(found: Mapping[str, Sequence[str]]) -> str | None:
    """Return the newest migration from the rows of each table that is there; None without one."""
    heads = {table: ", ".join(row for row in rows if row) for table, rows in found.items()}
    heads = {table: said for table, said in heads.items() if said}
    if len(heads) == 1:
        return next(iter(heads.values()))
    return "; ".join(f"{table} {said}" for table, said in sorted(heads.items())) or None


def counted(rows: Mapping[str, int]) -> str:
    """Return tables and rows in words."""
    tables, total = len(rows), sum(rows.values())
    return f"{tables:,} {'table' if tables == 1 else 'tables'}, {total:,} rows"


def differing(found: Mapping[str, int], wanted: Mapping[str, int]) -> str:
    """Return in words which tables do not hold what they should; empty when all do."""
    odd = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    said = [f"{name}: {found.get(name, 'no')} rows, not {wanted.get(name, 'any')}" for name in odd]
    more = f" and {len(odd) - 5} tables more" if len(odd) > 5 else ""
    return "; ".join(said[:5]) + more
