"""A platform that is driven by the team's own commands: deploy, current, rollback and others."""

from pitstop.adapters.platforms.shell.platform import ShellPlatform
from pitstop.adapters.platforms.shell.settings import ShellSettings
from pitstop.adapters.platforms.shell.staging import StagingShellPlatform
from pitstop.adapters.plugins import Tools

__all__ = ["ShellPlatform", "ShellSettings", "StagingShellPlatform", "kind", "shell"]


def kind(settings: ShellSettings) -> type[ShellPlatform]:
    """Return the class that has exactly the abilities for which there are commands."""
    return StagingShellPlatform if settings.stage else ShellPlatform


def shell(settings: ShellSettings, tools: Tools) -> ShellPlatform:
    """Return the platform; a plug-in that knows its commands may call this, too."""
    return kind(settings)(settings, tools)
