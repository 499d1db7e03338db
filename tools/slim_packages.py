"""Takes from installed packages what no run reads, and compiles the rest: a step of the image's build.

Usage: slim_packages.py SITE_PACKAGES
"""

import compileall
import pathlib
import py_compile
import shutil
import sys

# Headers for those who compile against a package, and a C++ parser that TensorFlow's wheel asks for and never
# imports.
HEADERS = [
    "tensorflow/include",
    "pyarrow/include",
    "pyarrow/src",
    "numpy/_core/include",
    "openvino/include",
    "clang",
]
# The packages' own tests; TensorFlow, Keras and KFP import some of theirs, so these are named one by one.
TESTED = ["numpy", "scipy", "sklearn", "pyarrow", "h5py", "joblib"]


def main(packages: pathlib.Path) -> int:
    """Removes, compiles, and returns the exit code."""
    unused = [packages / name for name in [*HEADERS, "onnx/backend/test"]]
    for name in TESTED:
        unused += [found for found in (packages / name).rglob("tests") if found.is_dir()]
    for path in unused:
        shutil.rmtree(path, ignore_errors=True)
    # Not checked when loaded: the file system is read-only. And every build makes the same bytes.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    # A few packages carry templates that are no valid Python, which is what a failure here would be.
    compileall.compile_dir(packages, quiet=2, workers=0, invalidation_mode=mode)
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
