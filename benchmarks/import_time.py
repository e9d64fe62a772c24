# SPDX-License-Identifier: GPL-3.0-or-later
"""Time that `import hyperspy_dlatoms` adds to `import hyperspy.api`; the limit is 0.3 s."""

import statistics
import subprocess
import sys

LIMIT = 0.3
CODE = """
import time
import hyperspy.api, hyperspy.signals
start = time.perf_counter()
import hyperspy_dlatoms
print(time.perf_counter() - start)
"""


def main() -> None:
    """Measure in fresh processes."""
    seconds = [
        float(subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True).stdout)
        for _ in range(7)
    ]
    added = statistics.median(seconds)
    print(f"added {added:.3f} s (median of {len(seconds)}), {added / LIMIT:.2f} times the limit")


if __name__ == "__main__":
    main()
