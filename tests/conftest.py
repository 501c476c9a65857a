"""Settings that hold for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Restore the default handler of Ctrl-C, which a shell disables for the programs it starts in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
