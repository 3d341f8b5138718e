"""Drawn picture files for the decoding tests, and what a decoder must make of them.

    python make_pictures.py pictures

Unless it says otherwise a picture is, upright, 48 wide and 32 high, its quadrants red (top left), green (top right), blue (bottom
left) and yellow (bottom right), in pure colours.
  orientation-N.jpg  N = 1..8   stored turned or mirrored, with the EXIF orientation that undoes it
  progressive.jpg               progressive JPEG
  cmyk.jpg                      CMYK JPEG, inverted as Adobe writes it, no profile: the colours come out more or less pure
  picture.webp                  lossy WebP
  palette.png                   PNG of 8 bits with a palette
  rgb-16-bit.png                PNG of 3 × 16 bits
  grey-16-bit.png               greyscale of 16 bits: quadrants 0, 1/3, 2/3, 1 of white
  grey.png                      greyscale of 8 bits, the same quadrants
  alpha.png                     left half opaque red, right half fully transparent green: on white, the right half is white
  animated.gif                  two frames, all red, then all blue: the first counts
  truncated.jpg                 the first half of orientation-1.jpg's bytes, which ends before the pixels begin
  text.jpg                      a line of text
  empty.jpg                     no byte at all
pictures/expected.json: {file: {width, height, quadrants: [top left, top right, bottom left, bottom right], tolerance} or null for a
file that must be refused}. Colours are taken in the middle of a quadrant, transparency on white; tolerance is the largest
difference of a channel that still passes.
"""
import json
import pathlib
import struct
import sys
import zlib

from PIL import Image, ImageOps

WIDTH, HEIGHT = 48, 32
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
GREYS = [0, 85, 170, 255]
# What to do to the upright picture so that a viewer who follows the EXIF orientation sees it upright again.
TURNS = {
    1: None,
    2: Image.FLIP_LEFT_RIGHT,
    3: Image.ROTATE_180,
    4: Image.FLIP_TOP_BOTTOM,
    5: Image.TRANSPOSE,
    6: Image.ROTATE_90,
    7: Image.TRANSVERSE,
    8: Image.ROTATE_270,
}


def quadrants(mode, colours):
    picture = Image.new(mode, (WIDTH, HEIGHT))
    for n, colour in enumerate(colours):
        left, top = n % 2 * WIDTH // 2, n // 2 * HEIGHT // 2
        picture.paste(colour, (left, top, left + WIDTH // 2, top + HEIGHT // 2))
    return picture


def png_of_16_bits(rows, colour_type):
    """A PNG of 16 bits a channel, which Pillow does not write in colour. `rows` holds lists of values in 0..65535."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, colour_type, 0, 0, 0)
    body = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b"")


def values_of_16_bits(picture):
    """The rows of an 8-bit picture, widened to 16 bits a channel."""
    data, step = picture.tobytes(), WIDTH * len(picture.getbands())
    return [[value * 257 for value in data[at : at + step]] for at in range(0, len(data), step)]


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    expected = {}

    def expect(name, colours, tolerance):
        expected[name] = {"width": WIDTH, "height": HEIGHT, "quadrants": colours, "tolerance": tolerance}

    upright, grey = quadrants("RGB", COLOURS), quadrants("L", GREYS)
    greys = [[value] * 3 for value in GREYS]
    for orientation, turn in TURNS.items():
        name = f"orientation-{orientation}.jpg"
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = upright.transpose(turn) if turn is not None else upright
        stored.save(folder / name, quality=90, subsampling=0, exif=exif)
        seen = ImageOps.exif_transpose(Image.open(folder / name))
        assert seen.size == (WIDTH, HEIGHT) and seen.getpixel((12, 8))[0] > 240 > 15 > seen.getpixel((12, 8))[1], name
        expect(name, COLOURS, 6)
    upright.save(folder / "progressive.jpg", quality=90, subsampling=0, progressive=True)
    expect("progressive.jpg", COLOURS, 6)
    upright.convert("CMYK").save(folder / "cmyk.jpg", quality=90)
    expect("cmyk.jpg", COLOURS, 40)
    upright.save(folder / "picture.webp", quality=90)
    expect("picture.webp", COLOURS, 12)
    upright.quantize(4).save(folder / "palette.png")
    expect("palette.png", COLOURS, 0)
    (folder / "rgb-16-bit.png").write_bytes(png_of_16_bits(values_of_16_bits(upright), 2))
    expect("rgb-16-bit.png", COLOURS, 0)
    (folder / "grey-16-bit.png").write_bytes(png_of_16_bits(values_of_16_bits(grey), 0))
    expect("grey-16-bit.png", greys, 1)
    grey.save(folder / "grey.png")
    expect("grey.png", greys, 0)
    quadrants("RGBA", [(255, 0, 0, 255), (0, 255, 0, 0)] * 2).save(folder / "alpha.png")
    expect("alpha.png", [(255, 0, 0), (255, 255, 255)] * 2, 0)
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in (COLOURS[0], COLOURS[2])]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:], duration=200, loop=0)
    assert Image.open(folder / "animated.gif").n_frames == 2
    expect("animated.gif", [COLOURS[0]] * 4, 0)

    whole = (folder / "orientation-1.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("This is a line of text and no picture.\n")
    (folder / "empty.jpg").write_bytes(b"")
    expected |= {name: None for name in ("truncated.jpg", "text.jpg", "empty.jpg")}
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(expected.items()))
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
