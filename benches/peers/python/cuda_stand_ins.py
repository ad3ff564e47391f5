"""Lets the torch wheel of the package index be imported without 4 GB of CUDA libraries.

That wheel is built for CUDA and links to its libraries, which the CPU never calls. Here each of those that is not
installed gets an empty stand-in beside torch's own libraries: the symbols that torch refers to, returning 0. Run once
by the environment's Python after `pip install --no-deps torch`; needs cc, ldd and nm, as linking any Rust program
does. It touches nothing outside the environment, and only `import torch` afterwards says whether it worked.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOLDER = "libcuda_stand_ins.so"
CUDA = re.compile(r"^(cu[A-Za-z]|nccl|nvrtc|nvshmem|nvJitLink)\w*$")


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def main():
    folder = next(Path(sys.prefix).glob("lib/python3*/site-packages/torch/lib"))
    libraries = sorted(folder.glob("libtorch*.so")) + sorted(folder.glob("libc10*.so"))
    missing = {line.split()[0] for lib in libraries for line in lines("ldd", str(lib)) if "not found" in line}
    missing.discard("libcuda.so.1")  # the driver's, loaded on demand
    if not missing:
        return
    undefined = {line.split()[-1] for lib in libraries for line in lines("nm", "-D", "--undefined-only", str(lib))}
    installed = {path.name for path in folder.parents[1].glob("nvidia/**/*.so*")}
    # `name@library` or `name@@version`; what an installed library has is left to it.
    pairs = (symbol.partition("@")[::2] for symbol in undefined)
    symbols = sorted({name for name, version in pairs if CUDA.match(name) and version.strip("@") not in installed})
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "symbols.c")

        def build(name, code, *options):
            source.write_text(code)
            options = ["-shared", "-w", "-fno-builtin", f"-Wl,-soname,{name}", "-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed", *options]
            subprocess.run(["cc", "-o", str(folder / name), str(source), *options], check=True)

        # The loader takes a symbol that has a version from any library without versions but the one it names, so a
        # library that torch does not know holds them all.
        build(HOLDER, "".join(f"long {symbol}(void) {{ return 0; }}\n" for symbol in symbols))
        for name in sorted(missing):
            build(name, "", str(folder / HOLDER))
    print(f"{len(missing)} stand-ins with {len(symbols)} symbols: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
