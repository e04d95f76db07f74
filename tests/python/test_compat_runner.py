"""tools/compat_run.py: what it says about files of each kind."""

import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("torch")
ROOT = pathlib.Path(__file__).resolve().parents[2]

KERNEL = """
    import torch
    import tilelang
    import tilelang.language as T

    @tilelang.jit(out_idx=[1])
    def add(N, by=1.0):
        @T.prim_func
        def main(A: T.Tensor((N,), "float32"), B: T.Tensor((N,), "float32")):
            with T.Kernel(1, threads=32):
                for i in T.Parallel(N):
                    B[i] = A[i] + by
        return main

    def main(N, by=1.0):
        a = torch.randn(N, device="cuda")
        b = add(N, by)(a)
"""
FILES = {
    "right": (KERNEL + """
        torch.testing.assert_close(b, a + 1)

    main(64)
    """, ""),
    "call": (KERNEL + """
        torch.testing.assert_close(b, a + 1)
    """, 'RUN("main(32)")'),
    "wrong": (KERNEL + """
        print("close:", torch.allclose(b, a + 1))

    main(64, 2.0)
    """, ""),
    "broken": (KERNEL + """
        torch.testing.assert_close(b, a + 1)

    main(64, 2.0)
    """, 'UPSTREAM("adds two")'),
    "pattern": (KERNEL + """
        print("error %.1f" % (b - a - 1).abs().max().item())

    main(64)
    """, 'RUN("", "error 0.0")'),
    "ran": (KERNEL + """
    main(64)
    """, ""),
    "refused": (KERNEL.replace("B[i] =", "B[i, i] =") + """
    main(64)
    """, ""),
    "needs": (KERNEL + """
    import a_package_that_is_nowhere
    """, ""),
    "late": (KERNEL + """
        torch.testing.assert_close(b, a + 1)

    main(64)
    import a_package_that_is_nowhere
    """, ""),
    "limit": (KERNEL + """
    import time
    time.sleep(1000)
    """, ""),
}
KINDS = {"call": "right", "pattern": "right", "late": "right", "broken": "upstream"}


def test_verdicts(tmp_path):
    (tmp_path / "examples").mkdir()
    rows = ['COMMIT("none")']
    for name, (text, row) in FILES.items():
        (tmp_path / "examples" / (name + ".py")).write_text(textwrap.dedent(text))
        rows += ['FILE("%s.py", "t")' % name, row]
    table, page = tmp_path / "table.def", tmp_path / "page.md"
    table.write_text("\n".join(rows) + "\n")
    page.write_text("# Page\n\nfirst\n")
    library = os.environ.get("PYTILEC_LIBRARY", str(ROOT / "build" / "libtilec_ffi.so"))
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "compat_run.py"), str(tmp_path), "--table", str(table),
         "--library", library, "--limit", "60", "--write", str(page)],
        capture_output=True, text=True, check=False, timeout=600)
    found = dict(re.findall(r"^\| (\w+)\.py \| (\w+) \|", page.read_text(), re.M))
    assert found == {name: KINDS.get(name, name) for name in FILES}, done.stdout + done.stderr
    assert page.read_text().startswith("# Page\n\nfirst\n\n<!-- runs: begin -->\n")
    assert done.returncode == 1  # one is wrong
