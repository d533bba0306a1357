"""How crates/lambda/hot-functions.txt names functions."""

import hashlib
import subprocess


def short(symbols: list[str]) -> list[str]:
    """The names of that file for the linker's.

    Readable names leave out what tells versions of a crate apart, and so survive new ones. They are up to kilobytes
    long; 32 bits of their SHA-256 tell 25,000 of them apart.
    """
    readable = subprocess.run(
        ["c++filt", "--format=rust"], check=True, capture_output=True, text=True, input="\n".join(symbols)
    ).stdout.splitlines()
    if len(readable) != len(symbols):
        raise RuntimeError(f"c++filt read {len(symbols)} names and wrote {len(readable)}")
    return [hashlib.sha256(name.encode()).hexdigest()[:8] for name in readable]
