"""Starts TensorBoard on the folder for its embedding projector, and asks it for what its page would ask for."""
import json
import pathlib
import socket
import struct
import subprocess
import sys
import time
import urllib.request

import numpy as np

work = sys.argv[1]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen(["tensorboard", "--logdir", f"{work}/projector", "--port", str(port)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
base = f"http://127.0.0.1:{port}/data/plugin/projector"


def get(path):
    return urllib.request.urlopen(f"{base}/{path}", timeout=60).read()


try:
    for _ in range(240):
        try:
            runs = json.loads(get("runs"))
            if runs:
                break
        except OSError:
            pass
        time.sleep(0.5)
    run = runs[0]
    entry = json.loads(get(f"info?run={run}"))["embeddings"][0]
    name = entry["tensorName"]
    tensor = np.frombuffer(get(f"tensor?run={run}&name={name}"), np.float32)
    expected = np.load(f"{work}/e.npy")
    assert np.allclose(tensor.reshape(expected.shape), expected, atol=1e-6)
    metadata = get(f"metadata?run={run}&name={name}").decode().splitlines()
    assert len(metadata) == len(expected) + 1 and metadata[0].split("\t")[1] == "path"
    sprite = get(f"sprite_image?run={run}&name={name}")
    width, height = struct.unpack(">II", sprite[16:24])
    assert sprite == pathlib.Path(f"{work}/projector/sprite.png").read_bytes()
    assert entry["sprite"]["singleImageDim"] == [64, 64] and width % 64 == height % 64 == 0
finally:
    server.terminate()
    server.wait()
version = subprocess.run(["tensorboard", "--version"], capture_output=True, text=True).stdout.strip().splitlines()[-1]
print(f"tensorboard {version}: serves {expected.shape[0]}x{expected.shape[1]} numbers, {len(metadata) - 1} lines of metadata and a "
      f"sprite of {width}x{height}")
