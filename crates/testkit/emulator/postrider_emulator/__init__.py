"""An AWS that runs on this machine: moto's server, and what Postrider needs and moto lacks.

`python -m postrider_emulator` listens on a free port of this machine and says which. The README beside the package
tells what behaves as AWS does, what never happens, and how to look inside.
"""
