"""Makes a FiftyOne dataset of .jsonl, and has FiftyOne find the neighbours and the uniqueness of its embeddings."""
import json
import sys

sys.path.pop(0)  # This file has the name of what it imports.
import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
from fiftyone.core.config import FiftyOneConfigError

work = sys.argv[1]
rows = [json.loads(line) for line in open(f"{work}/lines.jsonl")]
try:
    dataset = fo.Dataset("jepa", overwrite=True)
except FiftyOneConfigError:
    sys.exit(f"fiftyone {fo.__version__}: no MongoDB: its server could not be fetched while fiftyone was installed; "
             "name a server by FIFTYONE_DATABASE_URI=mongodb://HOST:PORT")
dataset.add_samples([
    fo.Sample(filepath=row["path"], ground_truth=fo.Classification(label=row["label"]), embedding=row["embedding"])
    for row in rows])
embeddings = np.array([row["embedding"] for row in rows], np.float32)
fob.compute_similarity(dataset, embeddings=embeddings, brain_key="near")
fob.compute_uniqueness(dataset, embeddings=embeddings)
assert len(dataset) == len(rows) and all(value is not None for value in dataset.values("uniqueness"))
first = dataset.first()
near = dataset.sort_by_similarity(first.id, k=2, brain_key="near").values("filepath")
assert near[0] == first.filepath
print(f"fiftyone {fo.__version__}: {len(dataset)} samples with embeddings; nearest to {first.filename}: "
      f"{near[1].rsplit('/', 1)[1]}")
