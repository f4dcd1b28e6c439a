"""The pairs that jepa duplicates finds at several thresholds, and the seconds of one search with its embedding.

    python here.py CONFIRM JEPA FOLDER CHECKPOINT OUTPUT.json [OPTION …]

CONFIRM is pixels, where the threshold is the least agreement of the pictures, or none, where it is the least cosine of their
embeddings.
"""
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

COSINES = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]
# The default, which was chosen on the photographs that thresholds are chosen on (decision 68).
AGREEMENTS = [0.7]


def main():
    confirm, jepa, folder, checkpoint, output, *options = sys.argv[1:]
    thresholds, option = (AGREEMENTS, "--agreement") if confirm == "pixels" else (COSINES, "--threshold")
    with tempfile.TemporaryDirectory() as work:
        embeddings = f"{work}/e.npy"
        begun = time.monotonic()
        subprocess.run([jepa, "embed", folder, "--checkpoint", checkpoint, "--output", embeddings, "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)
        embedded = time.monotonic() - begun
        pairs, searched = {}, []
        for threshold in thresholds:
            begun = time.monotonic()
            report = json.loads(subprocess.run(
                [jepa, "duplicates", "--embeddings", embeddings, "--confirm", confirm, option, str(threshold), "--json",
                 "--quiet", *options], check=True, stdout=subprocess.PIPE).stdout)
            searched.append(time.monotonic() - begun)
            groups = [[pathlib.Path(member["path"]).name for member in group] for group in report["groups"]]
            pairs[str(threshold)] = [pair for group in groups for pair in itertools.combinations(group, 2)]
    json.dump({"seconds": embedded + max(searched), "pairs": pairs}, open(output, "w"))


if __name__ == "__main__":
    main()
