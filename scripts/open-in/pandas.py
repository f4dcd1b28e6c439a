"""Reads .csv, .jsonl, .npy and .npz with pandas and NumPy: the same rows and numbers in each."""
import sys

sys.path.pop(0)  # This file has the name of what it imports.
import numpy as np
import pandas as pd

work = sys.argv[1]
array = np.load(f"{work}/e.npy")
archive = np.load(f"{work}/e.npz")
table = pd.read_csv(f"{work}/table.csv")
lines = pd.read_json(f"{work}/lines.jsonl", lines=True)
numbers = table.filter(regex=r"^e\d+$").to_numpy(np.float32)
assert array.shape == archive["embeddings"].shape == numbers.shape and len(lines) == len(array)
assert (array == archive["embeddings"]).all() and (array == numbers).all()
assert (array == np.array(lines["embedding"].to_list(), np.float32)).all()
assert list(table["path"]) == list(lines["path"]) == list(archive["paths"])
assert list(table["label"]) == list(lines["label"]) == list(archive["labels"])
counts = table["label"].value_counts()
print(f"pandas {pd.__version__}: {len(table)} rows of {array.shape[1]} numbers, {len(counts)} labels, equal in .npy, .npz, "
      ".csv and .jsonl")
