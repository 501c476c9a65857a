"""The options of verify: which verifiers judge, and how they are set."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from winnow.errors import UsageError
from winnow.stages.config import StageConfig, option


def _read_verifiers(value: Any) -> Any:
    """`exact,number` names two verifiers; functions and verifiers stand for themselves."""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    verifiers = tuple(part for part in parts if part != "") if isinstance(parts, list | tuple) else (parts,)
    if not verifiers:
        raise UsageError("--with", "names no verifier", "Name one, for example exact")
    return verifiers


def _read_settings(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class VerifyConfig(StageConfig):
    """Which verifiers judge the candidates."""

    verifiers: Annotated[
        tuple[Any, ...],
        BeforeValidator(_read_verifiers),
        option(
            "Verifiers by name (exact, number), or functions as module:function; several as a,b.",
            flag="--with",
            metavar="NAME[,NAME]",
            command_type=str,
        ),
    ]
    settings: Annotated[
        tuple[str, ...],
        BeforeValidator(_read_settings),
        option(
            "An option of a verifier, for example number.marker='A:'; may be repeated.",
            flag="--set",
            metavar="NAME.OPTION=VALUE",
            command_type=list[str],
        ),
    ] = ()
