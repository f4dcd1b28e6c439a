"""Makes a folder of photographs and copies of some of them, by which finders of duplicates are measured.

    python copies.py PICTURES FOLDER --photographs 500 [--seed 1]

Every JPEG and PNG below PICTURES goes into FOLDER once, as 00000.jpg and so on; of so many of them that are drawn,
seven copies stand beside it, 00000-half.jpg and so on.
"""
import argparse
import pathlib
import random
import shutil

from PIL import Image, ImageDraw, ImageFont, ImageOps


def half(image, draw):
    return image.resize((image.width // 2, image.height // 2), Image.LANCZOS)


def crop(image, draw):
    """Nine tenths of each side, anywhere."""
    width, height = round(image.width * 0.9), round(image.height * 0.9)
    left, top = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def grey(image, draw):
    return image.convert("L").convert("RGB")


def mirrored(image, draw):
    return ImageOps.mirror(image)


def border(image, draw):
    """A frame of one colour, a twentieth of the shorter side wide."""
    return ImageOps.expand(image, round(min(image.size) / 20), draw.choice(["white", "black", "grey"]))


def caption(image, draw):
    """Words on a band across the lower eighth."""
    image = image.copy()
    height = image.height // 8
    pen = ImageDraw.Draw(image)
    pen.rectangle([0, image.height - height, image.width, image.height], fill=draw.choice(["white", "black"]))
    words = " ".join(draw.choice(["summer", "sale", "new", "size M", "cotton", "worn twice"]) for _ in range(3))
    pen.text((height // 4, image.height - height * 7 // 8), words, fill="red", font=ImageFont.load_default(height * 5 // 8))
    return image


def same(image, draw):
    return image


KINDS = {"half": half, "crop": crop, "q30": same, "grey": grey, "mirror": mirrored, "border": border, "caption": caption}
QUALITY = {"q30": 30}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=pathlib.Path, nargs="+")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--photographs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    paths = sorted(path for folder in arguments.pictures for path in folder.rglob("*")
                   if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    arguments.folder.mkdir(parents=True)
    chosen = set(draw.sample(range(len(paths)), arguments.photographs))
    for number, path in enumerate(paths):
        name = f"{number:05}"
        shutil.copyfile(path, arguments.folder / f"{name}{path.suffix.lower()}")
        if number not in chosen:
            continue
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        for kind, change in KINDS.items():
            change(image, draw).save(arguments.folder / f"{name}-{kind}.jpg", quality=QUALITY.get(kind, 90))
    print(f"{arguments.folder}: {len(paths)} photographs, {len(KINDS)} copies of {len(chosen)} of them")


if __name__ == "__main__":
    main()
