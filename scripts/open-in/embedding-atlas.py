"""Has Embedding Atlas read .jsonl with small pictures, lay the embeddings out, and export what its page shows."""
import base64
import json
import subprocess
import sys

sys.path.pop(0)  # Beside this file lies one that is called pandas.
import pandas as pd

work = sys.argv[1]
subprocess.run(
    ["embedding-atlas", f"{work}/lines.jsonl", "--vector", "embedding", "--image", "thumbnail", "--text", "path",
     "--export-application", f"{work}/atlas"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
metadata = json.load(open(f"{work}/atlas/data/metadata.json"))
table = pd.read_parquet(f"{work}/atlas/data/dataset.parquet")
rows = [json.loads(line) for line in open(f"{work}/lines.jsonl")]
assert list(table["path"]) == [row["path"] for row in rows]
places = [name for name in table.columns if name.startswith("projection_")]
assert {"projection_x", "projection_y"} <= set(places) and table[places].notna().all().all()
picture = table["thumbnail"][0]
if isinstance(picture, dict):
    picture = picture["bytes"]
if isinstance(picture, str):
    picture = base64.b64decode(picture.split(",", 1)[1])
assert picture[:2] == b"\xff\xd8", "no JPEG"
version = subprocess.run(["embedding-atlas", "--version"], capture_output=True, text=True).stdout.split()[-1]
print(f"embedding-atlas {version}: {len(table)} rows laid out by UMAP, each with its picture; its page holds "
      f"{', '.join(sorted(metadata))}")
