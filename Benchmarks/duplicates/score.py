"""Precision and recall of pairs of duplicates, for a threshold that was chosen on other pictures.

    python score.py NAME TUNED.json TESTED.json TUNED_FOLDER TESTED_FOLDER

Both files are {"seconds": …, "pairs": {"THRESHOLD": [[name, name], …], …}}: the pairs that a method finds at each of its
thresholds. The threshold of the greatest F1 on the first folder is used on the second. Two files are duplicates where
both are made of one photograph, or of photographs of the same bytes.
"""
import collections
import hashlib
import itertools
import json
import pathlib
import sys

from copies import KINDS


def families(folder):
    """For each file the photograph that it was made of."""
    first = {}
    photographs = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        if "-" not in path.stem:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            photographs[path.stem] = first.setdefault(digest, path.stem)
    return {path.name: photographs[path.stem.split("-")[0]] for path in pathlib.Path(folder).iterdir()}


def true_pairs(family):
    groups = collections.defaultdict(list)
    for name, photograph in family.items():
        groups[photograph].append(name)
    return {pair for names in groups.values() for pair in itertools.combinations(sorted(names), 2)}


def figures(found, family, wanted):
    found = {tuple(sorted(pair)) for pair in found}
    right = sum(family[one] == family[other] for one, other in found)
    precision = right / len(found) if found else 1.0
    recall = right / len(wanted)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def main():
    name, tuned, tested, tuned_folder, tested_folder = sys.argv[1:]
    tuned, tested = json.load(open(tuned)), json.load(open(tested))
    family = families(tuned_folder)
    wanted = true_pairs(family)
    best = max(tuned["pairs"], key=lambda threshold: figures(tuned["pairs"][threshold], family, wanted)[2])
    family = families(tested_folder)
    wanted = true_pairs(family)
    found = {tuple(sorted(pair)) for pair in tested["pairs"][best]}
    precision, recall, f1 = figures(found, family, wanted)
    kinds = []
    for kind in KINDS:
        pairs = [pair for pair in wanted
                 if any("-" not in pathlib.Path(one).stem for one in pair)
                 and any(pathlib.Path(one).stem.endswith("-" + kind) for one in pair)]
        kinds.append(f"{sum(pair in found for pair in pairs) / len(pairs):.3f}")
    cells = [name, best, f"{precision:.3f}", f"{recall:.3f}", f"**{f1:.3f}**", *kinds, f"{tested['seconds']:.0f}"]
    print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
