"""Products of matrices by MKL and oneDNN, called from a loop in C: gemm_loop.c, compiled once beside the environment.

gemm_peer.py NAME  answers requests, one JSON object a line; benches/peers/README.md describes them.
"""

import ctypes
import os
import subprocess
import sys
from ctypes import POINTER, byref, c_double, c_float, c_int, c_int64, c_void_p
from pathlib import Path

import numpy as np
from peer import serve

LIBRARIES = Path(sys.prefix, "lib")
LINE = 64
"""Bytes of a cache line, to which operands are aligned."""


def loop():
    """gemm_loop.c as a library, compiled for this very processor."""
    source, library = Path(__file__).with_name("gemm_loop.c"), LIBRARIES / "libgemm_loop.so"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        # Under a name of its own first: another process may be about to load it.
        made = library.with_suffix(f".{os.getpid()}.so")
        options = ["-O3", "-march=native", "-mprefer-vector-width=512", "-shared", "-fPIC"]
        subprocess.run(["cc", *options, "-o", str(made), str(source)], check=True)
        made.replace(library)
    opened = ctypes.CDLL(str(library))
    for name in ("repeat_cblas", "repeat_dnnl", "repeat_primitive"):
        getattr(opened, name).restype = c_int64
    return opened


def aligned(rows, columns, apart):
    """Zeros whose rows are so many values apart; the first begins a cache line."""
    whole = np.zeros(rows * apart + LINE, np.float32)
    first = -whole.ctypes.data % LINE // 4
    return whole[first : first + rows * apart].reshape(rows, apart)[:, :columns]


class Layout(ctypes.Structure):
    """As in gemm_loop.c."""

    _fields_ = [("update", c_int), ("backward", c_int), ("a_row", c_int64), ("b_row", c_int64), ("c_row", c_int64)]


class Operands:
    """Small whole numbers, so that every order of summation gives the same product."""

    def __init__(self, m, n, k, update, backward, strides):
        self.m, self.n, self.k, self.update, self.backward = m, n, k, update, backward
        a = (7 * np.arange(m)[:, None] + 13 * np.arange(k)[None, :]) % 11 - 5
        b = (5 * np.arange(k)[:, None] + 3 * np.arange(n)[None, :]) % 13 - 6
        a, b = a.T if update else a, b.T if backward else b
        self.strides = strides or [a.shape[1], b.shape[1], n]
        self.layout = Layout(update, backward, *self.strides)
        self.a, self.b, self.c = map(aligned, (len(a), len(b), m), (a.shape[1], b.shape[1], n), self.strides)
        self.a[:], self.b[:] = a, b
        self.pointers = [c_void_p(x.ctypes.data) for x in (self.a, self.b, self.c)]

    def corners(self):
        return [float(self.c[0, 0]), float(self.c[self.m // 2, self.n // 3]), float(self.c[-1, -1])]


class Library:
    """Has `name`, `version` and ways(operands): functions (seconds) -> (calls, seconds)."""

    def __init__(self):
        self.loop = loop()
        self.shape = None

    def repeat(self, function, *arguments):
        def run(limit):
            seconds = c_double()
            calls = function(*arguments, c_double(limit), byref(seconds))
            return calls, seconds.value

        return run

    def product(self, m, n, k, update, seconds, backward=False, strides=None):
        shape = (m, n, k, update, backward, strides)
        if self.shape != shape:
            self.shape, self.operands = shape, Operands(*shape)
            ways = self.ways(self.operands)
            corners = []
            for way in ways:
                self.operands.c[:] = 0
                way(0.0)
                corners.append(self.operands.corners())
            if any(found != corners[0] for found in corners):
                raise ValueError(f"its ways differ: {corners}")
            self.corners = corners[0]
            # The fastest of what the library offers, on a second look: the first one warms up.
            rates = [max(calls / elapsed for calls, elapsed in (way(seconds / 4) for _ in range(2))) for way in ways]
            self.way = ways[int(np.argmax(rates))]
        calls, elapsed = self.way(seconds)
        return {"samples": calls, "seconds": elapsed, "corners": self.corners}

    def about(self):
        return {"name": self.name, "version": self.version, "differs": None}

    def peak(self, lanes, seconds):
        function = getattr(self.loop, f"peak_{lanes}_lanes")
        function.restype = c_double
        return {"gflops": function(c_double(seconds))}

    def answer(self, request):
        return getattr(self, request.pop("do"))(**request)


class Mkl(Library):
    name = "MKL, cblas_sgemm"

    def __init__(self):
        super().__init__()
        ctypes.CDLL(str(LIBRARIES / "libiomp5.so"), ctypes.RTLD_GLOBAL)
        self.library = ctypes.CDLL(str(LIBRARIES / "libmkl_rt.so.3"), ctypes.RTLD_GLOBAL)
        text = ctypes.create_string_buffer(200)
        self.library.mkl_get_version_string(text, 200)
        # "Intel(R) oneAPI Math Kernel Library Version 2026.2-Product Build …"
        self.version = text.value.decode().partition("Version ")[2].partition("-")[0]

    def ways(self, operands):
        m, n, k = operands.m, operands.n, operands.k
        return [self.repeat(self.loop.repeat_cblas, self.library.cblas_sgemm, byref(operands.layout), m, n, k, *operands.pointers)]


class Argument(ctypes.Structure):
    _fields_ = [("index", c_int), ("memory", c_void_p)]


class OneDnn(Library):
    name = "oneDNN, the faster of sgemm and matmul"

    def __init__(self):
        super().__init__()
        self.library = ctypes.CDLL(str(LIBRARIES / "libdnnl.so.3"))
        version = self.library.dnnl_version
        version.restype = POINTER(c_int)
        self.version = "{}.{}.{}".format(*version()[:3])
        self.engine, self.stream = c_void_p(), c_void_p()
        self.call("engine_create", byref(self.engine), 1, ctypes.c_size_t(0))
        self.call("stream_create", byref(self.stream), self.engine, 1)

    def call(self, name, *arguments):
        status = getattr(self.library, f"dnnl_{name}")(*arguments)
        if status != 0:
            raise RuntimeError(f"dnnl_{name}: status {status}")

    def memory(self, rows, columns, strides, pointer):
        description, memory = c_void_p(), c_void_p()
        sizes, strides = (c_int64 * 12)(rows, columns), (c_int64 * 12)(*strides)
        self.call("memory_desc_create_with_strides", byref(description), 2, sizes, 3, strides)
        self.call("memory_create", byref(memory), description, self.engine, pointer)
        return description, memory

    def matmul(self, operands):
        """The primitive; an update is its post-operation `sum`."""
        m, n, k, (a, b, c) = operands.m, operands.n, operands.k, operands.pointers
        a_row, b_row, c_row = operands.strides
        source = self.memory(m, k, (1, a_row) if operands.update else (a_row, 1), a)
        weights = self.memory(k, n, (1, b_row) if operands.backward else (b_row, 1), b)
        result = self.memory(m, n, (c_row, 1), c)
        attributes, operations = c_void_p(), c_void_p()
        self.call("primitive_attr_create", byref(attributes))
        if operands.update:
            self.call("post_ops_create", byref(operations))
            self.call("post_ops_append_sum", operations, c_float(1.0), 0, 0)
            self.call("primitive_attr_set_post_ops", attributes, operations)
        description, primitive = c_void_p(), c_void_p()
        self.call("matmul_primitive_desc_create", byref(description), self.engine, source[0], weights[0], None, result[0], attributes)
        self.call("primitive_create", byref(primitive), description)
        self.arguments = (Argument * 3)((1, source[1]), (33, weights[1]), (17, result[1]))
        return self.repeat(self.loop.repeat_primitive, self.library.dnnl_primitive_execute, primitive, self.stream, 3, self.arguments)

    def ways(self, operands):
        sizes = map(c_int64, (operands.m, operands.n, operands.k))
        sgemm = self.repeat(self.loop.repeat_dnnl, self.library.dnnl_sgemm, byref(operands.layout), *sizes, *operands.pointers)
        return [sgemm, self.matmul(operands)]


LIBRARY = {"mkl": Mkl, "onednn": OneDnn}

if __name__ == "__main__":
    replies, sys.stdout = sys.stdout, sys.stderr
    serve(LIBRARY[sys.argv[1]](), replies)
