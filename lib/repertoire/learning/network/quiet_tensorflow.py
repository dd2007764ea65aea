"""Imports TensorFlow without the lines that it writes to stderr, for processors only, with the same results every time."""

import os
import sys
import tempfile
from typing import Any


def quiet_tensorflow(threads: int) -> Any:
    """The module. threads: of its operations, unless this process has used TensorFlow before."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(
        "TF_ENABLE_ONEDNN_OPTS", "0"
    )  # results would differ between kinds of processors more than need be
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    # Its log level does not hold for what it writes before its log is set up.
    with tempfile.TemporaryFile() as aside:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            import tensorflow

            tensorflow.config.set_visible_devices([], "GPU")
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(1)
            tensorflow.get_logger().setLevel("ERROR")
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    return tensorflow
