"""Writes JSON from standard input without white space, with numbers of seven digits and without the keys that are named."""

import json
import sys


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


content = json.load(sys.stdin)
for name in sys.argv[1:]:
    del content[name]
json.dump(rounded(content), sys.stdout, ensure_ascii=False, separators=(",", ":"))
print()
