"""Passwords and keys in a change: found by detect-secrets, by what they look like, not by chance.

Its entropy detectors are left out: what cannot be overridden must not cry wolf.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import groupby

from pitstop.guards.added import Added
from pitstop.guards.objection import Objection

_DETECTORS = (
    *("ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector"),
    *("CloudantDetector", "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector"),
    *("IbmCloudIamDetector", "IbmCosHmacDetector", "JwtTokenDetector", "KeywordDetector"),
    *("MailchimpDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector"),
    *("PypiTokenDetector", "SendGridDetector", "SlackDetector", "SoftlayerDetector"),
    *("SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector"),
)
_FILTERS = (
    *("heuristic.is_likely_id_string", "heuristic.is_templated_secret"),
    *("heuristic.is_prefixed_with_dollar_sign", "heuristic.is_indirect_reference"),
    *("heuristic.is_sequential_string", "allowlist.is_line_allowlisted"),
)
_PLACE = "detect_secrets.filters."
_BY_NAME, _SHORTEST = (
    "Secret Keyword",
    8,
)  # found by the name beside it: then its value must look it
_LONGEST, _OVERLAP = 4_000, 400  # signs of one line that are looked at together


def secrets(lines: Iterable[Added]) -> Iterator[Objection]:
    """Object to each place that holds what looks like a password or a key; its value is not said."""
    from detect_secrets.core.scan import scan_diff
    from detect_secrets.settings import transient_settings

    wanted = {
        "plugins_used": [{"name": name} for name in _DETECTORS],
        "filters_used": [{"path": f"{_PLACE}{name}"} for name in _FILTERS],
    }
    logging.getLogger("detect_secrets").setLevel(logging.CRITICAL)
    with transient_settings(wanted) as settings:
        settings.disable_filters(
            f"{_PLACE}common.is_invalid_file",  # would open the file, in whatever folder we are
            f"{_PLACE}heuristic.is_non_text_file",  # judges by the name alone
        )
        seen = set()
        for file, of_file in groupby(lines, key=lambda line: line.file):
            pieces = [piece for line in of_file for piece in _pieces(line)]
            for found in scan_diff(_as_diff(file, pieces)):
                place = file, pieces[found.line_number - 1].number
                likely = found.type != _BY_NAME or _random(found.secret_value or "")
                if likely and place not in seen:
                    seen.add(place)
                    yield Objection(None, _said(*place, found.type))


def _random(value: str) -> bool:
    """Return whether a value beside a telling name may be a secret, rather than a word or an address."""
    signs = {sign.isdigit() for sign in value if sign.isalnum()}
    plain = any(sign.isspace() for sign in value) or "://" in value
    return len(value) >= _SHORTEST and signs == {True, False} and not plain


def _said(file: str, number: int, kind: str) -> str:
    return (
        f"{ascii(file)[1:-1]}:{number} looks like a secret ({kind}); a value belongs in the environment. "
        "If it is none, end that line with the comment: pragma: allowlist secret"
    )


def _pieces(line: Added) -> Iterator[Added]:
    """Cut a very long line: patterns over a megabyte take for ever."""
    text = line.text or " "
    for start in range(0, len(text), _LONGEST):
        yield Added(line.file, line.number, text[max(0, start - _OVERLAP) : start + _LONGEST])


def _as_diff(file: str, pieces: list[Added]) -> str:
    """Return a diff that holds these lines, whatever the file's name is made of."""
    ending = file.rpartition(".")[2]
    name = f"file.{ending}" if ending.isalnum() and ending.isascii() else "file"
    rows = "\n".join("+" + "".join(_plain(sign) for sign in piece.text) for piece in pieces)
    return f"--- a/{name}\n+++ b/{name}\n@@ -0,0 +1,{len(pieces)} @@\n{rows}\n"


def _plain(sign: str) -> str:
    return sign if sign.isprintable() or sign == "\t" else " "
