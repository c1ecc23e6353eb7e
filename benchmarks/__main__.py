"""`python -m benchmarks [ROW …]`: run the benchmarks named, or all of them."""

from __future__ import annotations

import sys

from benchmarks import bench_accounts, bench_chain, bench_deliver, bench_import, bench_options

ROWS = {
    "accounts": bench_accounts.main,
    "chain": bench_chain.main,
    "deliver": bench_deliver.main,
    "import": bench_import.main,
    "options": bench_options.main,
}

if __name__ == "__main__":
    for row in sys.argv[1:] or ROWS:
        if row not in ROWS:
            sys.exit(f"unknown benchmark {row!r}: known are {', '.join(ROWS)}")
        print(ROWS[row](), end="\n\n")
