"""The embedded platform: this machine, Envoy before the releases, supervisord behind them."""

from pitstop.adapters.platforms.local.platform import LocalPlatform
from pitstop.adapters.platforms.local.settings import LocalSettings

__all__ = ["LocalPlatform", "LocalSettings"]
