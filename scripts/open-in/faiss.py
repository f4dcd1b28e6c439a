"""Reads a .faiss file and searches it: the neighbours of every picture, and the bytes that FAISS itself writes."""
import sys

sys.path.pop(0)  # This file has the name of what it imports.
import faiss
import numpy as np
import pandas as pd

work = sys.argv[1]
index = faiss.read_index(f"{work}/unit.faiss")
rows = pd.read_csv(f"{work}/unit.csv")
assert index.ntotal == len(rows) and index.metric_type == faiss.METRIC_INNER_PRODUCT
numbers = index.reconstruct_n(0, index.ntotal)
assert np.allclose(np.linalg.norm(numbers, axis=1), 1, atol=1e-5)
similarities, found = index.search(numbers, 2)
assert (np.abs(similarities[:, 0] - 1) < 1e-4).all()
expected = numbers @ numbers.T
np.fill_diagonal(expected, -2)
second = np.where(found[:, 0] == np.arange(len(rows)), found[:, 1], found[:, 0])
assert np.allclose(expected[np.arange(len(rows)), second], expected.max(1), atol=1e-4)
own = faiss.IndexFlatIP(index.d)
own.add(numbers)
faiss.write_index(own, f"{work}/own.faiss")
theirs, ours = open(f"{work}/own.faiss", "rb").read(), open(f"{work}/unit.faiss", "rb").read()
assert theirs == ours, "FAISS writes other bytes"
print(f"faiss {faiss.__version__}: {type(index).__name__} of {index.ntotal}x{index.d}, the bytes of faiss.write_index; "
      f"nearest to {rows['path'][0].rsplit('/', 1)[1]}: {rows['path'][second[0]].rsplit('/', 1)[1]}")
