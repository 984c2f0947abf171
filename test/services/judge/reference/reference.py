"""Computes the values of reference.json with Python's standard library alone: python3 reference.py

Every figure is computed another way than in src/services/judge: fractions instead of floating point, sums of all terms of the
binomial distribution instead of a recurrence, and math.erfc instead of a series.
"""
import json
from fractions import Fraction
from math import comb, erfc, sqrt
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


def wilson(part, whole):
    share, z = part / whole, Z
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    return {"part": part, "whole": whole, "low": max(0.0, middle - half), "high": min(1.0, middle + half)}


def kappa(table):
    total = sum(map(sum, table))
    observed = Fraction(sum(table[i][i] for i in range(len(table))), total)
    expected = sum(Fraction(sum(table[i]), total) * Fraction(sum(row[i] for row in table), total) for i in range(len(table)))
    return {"table": table, "kappa": float((observed - expected) / (1 - expected))}


def mcnemar(a, b):
    total = a + b
    if total <= 1000:
        tail = sum(Fraction(comb(total, k), 2**total) for k in range(min(a, b) + 1))
        return {"a": a, "b": b, "method": "exact", "statistic": None, "p_value": float(min(Fraction(1), 2 * tail))}
    statistic = Fraction((abs(a - b) - 1) ** 2, total)
    return {"a": a, "b": b, "method": "chi_squared", "statistic": float(statistic), "p_value": erfc(sqrt(statistic / 2))}


def scores(truth, answers):
    classes = sorted(set(truth) | set(answers))
    result = []
    for name in classes:
        right = sum(t == a == name for t, a in zip(truth, answers))
        given, real = answers.count(name), truth.count(name)
        precision = Fraction(right, given) if given else Fraction(0)
        recall = Fraction(right, real) if real else Fraction(0)
        f1 = 2 * precision * recall / (precision + recall) if right else Fraction(0)
        result.append({"value": name, "precision": precision, "recall": recall, "f1": f1})
    macro = {key: float(sum(each[key] for each in result) / len(result)) for key in ("precision", "recall", "f1")}
    plain = [{key: value if key == "value" else float(value) for key, value in each.items()} for each in result]
    return {"truth": truth, "answers": answers, "classes": plain, "macro": macro}


print(json.dumps({
    "wilson": [wilson(*each) for each in [(81, 263), (15, 148), (0, 20), (1, 29), (29, 29), (7, 10), (1, 1), (999_999, 1_000_000)]],
    "kappa": [kappa(each) for each in [
        [[75, 1, 4], [5, 4, 1], [0, 0, 10]],
        [[20, 5], [10, 15]],
        [[0, 7], [9, 0]],
        [[45, 15], [25, 15]],
    ]],
    "mcnemar": [mcnemar(*each) for each in [(86, 150), (150, 86), (0, 0), (5, 5), (1, 0), (0, 6), (2, 15), (400, 600), (480, 521), (1200, 1000), (50_000, 50_300), (0, 5_000)]],
    "scores": [
        scores(["0", "1", "2", "2", "2"], ["0", "0", "2", "2", "1"]),
        scores(["stop", "stop", "yield", "stop", "other"], ["stop", "yield", "yield", "stop", "guide"]),
    ],
}, indent=1))
