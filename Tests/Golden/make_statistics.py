"""Writes statistics.json: what scipy and statsmodels make of small samples, for the tests of the module Statistics.

    python3 -m venv .build/statistics && .build/statistics/bin/pip install scipy==1.17.1 statsmodels==0.15.0
    .build/statistics/bin/python Tests/Golden/make_statistics.py

Nothing in it is random: bootstrap intervals rest on all nⁿ resamples of a sample, permutation tests on all 2ⁿ patterns.
"""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import scipy
import statsmodels
from scipy import optimize, special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

SAMPLES = {
    "three": [0.012, 0.004, 0.009],
    "four, both signs": [0.8, -0.3, 1.9, 0.4],
    "five": [0.0121, 0.0043, -0.0012, 0.0088, 0.0067],
    "five, one far out": [0.1, 0.2, 0.15, 0.12, 3.0],
    "six, large": [2.1, 2.4, 1.9, 2.2, 2.6, 2.3],
    "six with ties": [1.0, 1.0, -1.0, 2.0, -2.0, 1.0],
    "twelve": [0.5, -0.2, 0.9, 1.4, 0.3, -0.7, 0.8, 1.1, 0.2, -0.1, 0.6, 0.4],
}


def sample(name, values):
    x = np.array(values)
    n = len(x)
    test = stats.ttest_1samp(x, 0)
    interval = test.confidence_interval(0.95)
    flips = stats.permutation_test(
        (x,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    d = x.mean() / x.std(ddof=1)
    nu = n - 1
    row = {
        "name": name,
        "values": values,
        "mean": x.mean(),
        "standard_deviation": x.std(ddof=1),
        "student_interval": [interval.low, interval.high],
        "student_p": test.pvalue,
        "sign_flip_p": flips.pvalue,
        "cohen_d": d,
        "hedges_g": d * special.gamma(nu / 2) / np.sqrt(nu / 2) / special.gamma((nu - 1) / 2),
    }
    # The library gives NaN for very large effects.
    power = TTestPower().power(d, n, 0.05, alternative="two-sided")
    if np.isfinite(power):
        row["power"] = power
    return row


# Eighths, whose sums are exact: resamples that equal the mean do so to the last bit, which scipy's count of them needs.
BCA_SAMPLES = [
    [0.5, -0.25, 1.875, 0.375],
    [1.25, 0.375, -0.125, 0.875, 0.625],
    [0.125, 0.25, 0.125, 0.375, 3.0],
    [2.0, 2.5, 1.75, 2.25, 2.625],
]


def bca(values):
    replicates = np.array([np.mean(r) for r in itertools.product(values, repeat=len(values))])
    # scipy takes earlier replicates over, and draws none beside them.
    earlier = SimpleNamespace(bootstrap_distribution=replicates)
    interval = stats.bootstrap(
        (np.array(values),), np.mean, n_resamples=0, method="BCa", bootstrap_result=earlier, confidence_level=0.95
    ).confidence_interval
    return [values, [interval.low, interval.high]]


def detectable(pairs):
    """statsmodels' power, solved more exactly than its own solver does."""

    def excess(effect):
        power = TTestPower().power(effect, pairs, 0.05, alternative="two-sided")
        # NaN stands for a power that is 1.
        return (power if np.isfinite(power) else 1) - 0.8

    return optimize.brentq(excess, 0.1, 5, xtol=1e-14)


def main():
    degrees = [1, 2, 3, 4, 5, 9, 29, 99, 1000]
    result = {
        "versions": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__, "numpy": np.__version__},
        "incomplete_beta": [
            [x, a, b, special.betainc(a, b, x)]
            for a, b in [(0.5, 0.5), (1, 0.5), (2.5, 0.5), (0.5, 30), (50, 0.5), (12.5, 7), (500, 0.5), (150.5, 2)]
            for x in [1e-8, 0.01, 0.3, 0.5, 0.9, 0.999]
        ],
        "normal_quantile": [[p, stats.norm.ppf(p)] for p in [1e-12, 1e-4, 0.02, 0.025, 0.3, 0.5, 0.8, 0.975, 0.9999]],
        "student_quantile": [
            [p, nu, stats.t.ppf(p, nu)] for nu in degrees for p in [0.001, 0.025, 0.4, 0.9, 0.975, 0.995]
        ],
        "student_two_sided_tail": [
            [t, nu, 2 * stats.t.sf(t, nu)] for nu in degrees for t in [0.01, 0.7, 2.0, 6.5, 40.0]
        ],
        "noncentral_cumulative": [
            [t, nu, delta, stats.nct.cdf(t, nu, delta)]
            for nu in [1, 2, 4, 11, 30]
            for t, delta in [(0.5, 0.2), (2.0, 1.0), (2.78, 3.5), (12.7, 16.4), (-1.0, 0.5), (3.0, -1.0)]
        ],
        "detectable": [
            [n, detectable(n)] for n in [3, 4, 5, 6, 8, 10, 20, 50]
        ],
        "bca_of_all_resamples": [bca(values) for values in BCA_SAMPLES],
        "holm": [],
        "samples": [sample(name, values) for name, values in SAMPLES.items()],
    }
    for values in [[0.01, 0.04, 0.03, 0.005], [0.5, 0.6, 0.02], [0.2], [0.04, 0.04, 0.001, 0.9, 0.3]]:
        result["holm"].append([values, list(multipletests(values, method="holm")[1])])
    path = Path(__file__).with_name("statistics.json")
    # A line for each row.
    text = json.dumps(result).replace("], [", "],\n[").replace("}, {", "},\n{").replace('"], "', '"],\n"')
    path.write_text(text.replace(']], "', ']],\n"') + "\n")
    print("wrote", path.name)


if __name__ == "__main__":
    main()
