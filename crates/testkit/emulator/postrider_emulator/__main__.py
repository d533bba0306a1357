"""Starts the emulator: `python -m postrider_emulator [--port PORT] [--until-stdin-ends]`.

Writes one line once it listens, `{"url": "http://127.0.0.1:PORT"}`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading

from .application import Application
from .http_server import Server


def _end_with_stdin() -> None:
    # Whoever started us holds the other end; it closes however that process ends.
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="postrider_emulator")
    parser.add_argument("--port", type=int, default=0, help="a port of this machine; a free one by default")
    parser.add_argument("--until-stdin-ends", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    server = Server("127.0.0.1", options.port, Application())
    print(json.dumps({"url": f"http://127.0.0.1:{server.port}"}), flush=True)
    if options.until_stdin_ends:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
