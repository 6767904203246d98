"""Generated pictures of ten shapes, with the true mask of the object.

The pictures need no download and no licence, and everything about them is
known: what is in the picture, where it is, which pixels are the object and
whether the background betrays the class. Claims such as "the heat map points
at the object" or "the model uses the background" can be measured against it.

The pictures are the same on every platform and with every NumPy: the numbers
come from `numpy.random.RandomState`, whose streams are frozen; angles come
from a table that is rounded to a coarse grid, so that the last digit of the
system's sine does not matter; all else is elementwise arithmetic in float32,
which IEEE 754 fixes to the last bit. No sum, matrix product or ``einsum``
over floats takes part, because their order of summation differs by machine.
"""

from __future__ import annotations

import math

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import number, refuse, true_or_false

__all__ = ["CLASS_NAMES", "make_shapes"]

CLASS_NAMES = (
    "circle",
    "ring",
    "crescent",
    "heart",
    "square",
    "triangle",
    "pentagon",
    "star",
    "cross",
    "arrow",
)
"""The names of the ten classes, in the order of their numbers."""

_F = np.float32
_STEPS = 1024  # angles are whole steps of 360/1024 degrees
# Rounded to 1/16384: a difference of one unit in the last place between two
# systems' cosines is a million times smaller than this grid.
_COS = np.array(
    [round(math.cos(2 * math.pi * k / _STEPS) * 16384) / 16384 for k in range(_STEPS)],
    dtype=_F,
)
_CLUTTER = 3  # at most this many pieces of clutter
_GRID = 6  # the cloud texture is a 6x6 grid of values, interpolated
_VISIBLE_TENTHS = 7  # at least this share of an object stays visible
_BG_LIGHT = (70, 185)  # lightness of the background, out of 255
_PIXELS_AT_ONCE = 128 * 32 * 32  # keeps the working set inside a core's cache

_CLUTTER_FIELDS = ("on", "kind", "x", "y", "radius", "angle", "light", "hue")
# What is drawn at random for each picture, as a uniform number in [0, 1). Every
# picture takes all of them whatever the options are, so that an option changes
# what it names and nothing else.
_FIELDS = (
    *("angle", "x", "y", "radius", "stretch", "edge", "noise"),
    *("contrast", "sign", "chroma", "hue", "shade", "shade_angle"),
    *("bg_light", "bg_chroma", "bg_hue", "bg_tint", "bg_amount", "leaks"),
    *("bg_kind", "bg_angle", "bg_frequency", "bg_phase", "bg_sharp"),
    *("occluded", "occ_kind", "occ_angle", "occ_offset", "occ_width"),
    *("occ_light", "occ_hue"),
    *(f"clutter_{name}_{k}" for k in range(_CLUTTER) for name in _CLUTTER_FIELDS),
)


def _cos(steps):
    return _COS[steps % _STEPS]


def _sin(steps):
    return _COS[(steps - _STEPS // 4) % _STEPS]


def _column(values):
    """Shape (n,) to (n, 1, 1), so that it broadcasts over the pixels."""
    return np.asarray(values, dtype=_F)[:, None, None]


def _direction(turn):
    """Cosine and sine, (n, 1, 1), of uniform numbers as shares of a full turn."""
    step = (turn * _F(_STEPS)).astype(np.intp)
    return _column(_cos(step)), _column(_sin(step))


def _between(u, low, high):
    """Map uniform numbers in [0, 1) to [low, high)."""
    return u * _F(high - low) + _F(low)


def _mix(difficulty, easy, hard):
    return easy + (hard - easy) * difficulty


def _half_planes(u, v, count, first):
    """Yield the signed distances to ``count`` lines around the origin."""
    for k in range(count):
        step = first + round(k * _STEPS / count)
        yield u * _cos(step) + v * _sin(step)


def _box(u, v, half_width, half_height):
    return np.maximum(np.abs(u) - _F(half_width), np.abs(v) - _F(half_height))


def _disc(u, v, x, y, radius):
    du, dv = u - _F(x), v - _F(y)
    return np.sqrt(du * du + dv * dv) - _F(radius)


def _polygon(u, v, sides, apothem):
    # The first normal points down (v grows downwards), so a side lies flat.
    planes = _half_planes(u, v, sides, _STEPS // 4)
    worst = next(planes)
    for plane in planes:
        worst = np.maximum(worst, plane)
    return worst - _F(apothem)


def _star(u, v):
    # A point lies in a five-pointed star when it is outside at most one of
    # the five lines that its edges lie on: look at the second largest.
    planes = _half_planes(u, v, 5, _STEPS // 4)
    first = next(planes)
    second = np.full_like(first, -9)
    for plane in planes:
        second = np.maximum(second, np.minimum(first, plane))
        first = np.maximum(first, plane)
    return second - _F(0.36)


def _heart(u, v):
    # A square on its corner with a disc on each of its two upper sides.
    diamond = (np.abs(u) + np.abs(v - _F(0.05))) * _F(0.7071) - _F(0.53)
    discs = _disc(np.abs(u), v, 0.375, -0.325, 0.53)
    return np.minimum(diamond, discs)


def _crescent(u, v):
    return np.maximum(_disc(u, v, -0.1, 0, 0.9), -_disc(u, v, 0.38, 0, 0.72))


def _cross(u, v):
    return np.minimum(_box(u, v, 0.95, 0.29), _box(u, v, 0.29, 0.95))


def _arrow(u, v):
    a, b = _F(0.7071), np.abs(u)
    head = np.maximum((b - v) * a - _F(0.65), v - _F(0.0))
    return np.minimum(head, _box(u, v - _F(0.4), 0.25, 0.55))


# Each function is negative inside the shape and grows by about one a unit of
# length, so that it also serves as the distance from the edge.
_DRAW = {
    "circle": lambda u, v: _disc(u, v, 0, 0, 0.85),
    "ring": lambda u, v: np.abs(_disc(u, v, 0, 0, 0.66)) - _F(0.23),
    "crescent": _crescent,
    "heart": _heart,
    "square": lambda u, v: _box(u, v, 0.75, 0.75),
    "triangle": lambda u, v: _polygon(u, v - _F(0.12), 3, 0.55),
    "pentagon": lambda u, v: _polygon(u, v, 5, 0.76),
    "star": _star,
    "cross": _cross,
    "arrow": _arrow,
}


def _wave(x):
    """Triangle wave with period 1 and values in [-1, 1]."""
    return np.abs((x - np.floor(x)) * _F(4) - _F(2)) - _F(1)


def _cloud(grid, size):
    """Interpolate (n, g, g) values to (n, size, size), one axis at a time."""
    at = ((np.arange(size) + 0.5) / size * (_GRID - 1)).astype(_F)
    low = np.floor(at).astype(np.intp)
    part = at - low.astype(_F)
    rows = grid[:, low] + (grid[:, low + 1] - grid[:, low]) * part[:, None]
    return rows[:, :, low] + (rows[:, :, low + 1] - rows[:, :, low]) * part


def _texture(p, x, y, grid, size):
    """Return the background's pattern, (n, size, size) in about [-1, 1]."""
    kind = (p["bg_kind"] * _F(5)).astype(np.intp)
    c, s = _direction(p["bg_angle"])
    along = x * c + y * s
    out = along.copy()  # kind 0: a gradient
    phase = _column(p["bg_phase"])
    frequency = _column(_between(p["bg_frequency"], 0.8, 3.5))
    sharp = _column(_between(p["bg_sharp"], 1, 6))
    for k in (1, 2, 3, 4):
        i = np.flatnonzero(kind == k)
        if k == 1:  # stripes
            value = _wave(along[i] * frequency[i] + phase[i]) * sharp[i]
        elif k == 2:  # checks
            across = y * c[i] - x * s[i]
            value = _wave(along[i] * frequency[i] + phase[i])
            value = value * _wave(across * frequency[i]) * sharp[i] * _F(2)
        elif k == 3:  # clouds
            value = _cloud(grid[i], size) * _F(1.5)
        else:  # speckle: clouds cut into patches
            value = _wave(_cloud(grid[i], size) * frequency[i]) * sharp[i]
        out[i] = np.clip(value, -1, 1)
    return out


def _hue(turn):
    """Three numbers that add up to about nought: a colour without lightness."""
    step = (turn * _F(_STEPS)).astype(np.intp)
    third = _STEPS // 3
    return np.stack([_cos(step), _cos(step - third), _cos(step + third)], axis=-1)


def _bright(light, hue):
    """Return any colour at all, (n, 3), from two uniform numbers."""
    return _between(light, 20, 235)[:, None] + _F(45) * _hue(hue)


def _cover(distance, softness):
    """Turn distance from an edge to opacity; softness is in the same unit."""
    return np.clip(_F(0.5) - distance / softness, 0, 1)


def _paint(image, which, alpha, colour):
    """Lay ``colour``, (n, 3) or (n, 3, h, w), over some pictures, in place."""
    if colour.ndim == 2:
        colour = colour[:, :, None, None]
    alpha = alpha[:, None]
    # In this form full cover gives the colour exactly, whatever lies under it.
    image[which] = image[which] * (_F(1) - alpha) + colour * alpha


def _background(p, x, y, grid, hue, size, d):
    """Return pictures of the background alone, float32 (n, 3, size, size)."""
    light = _between(p["bg_light"], *_BG_LIGHT)
    chroma = _between(p["bg_chroma"], 20, 45)
    base = light[:, None] + chroma[:, None] * _hue(hue)
    amount = _between(p["bg_amount"], _mix(d, 0, 8), _mix(d, 12, 48))
    tint = amount[:, None] * (_F(0.7) + _F(0.5) * _hue(p["bg_tint"]))
    pattern = _texture(p, x, y, grid, size)
    return base[:, :, None, None] + tint[:, :, None, None] * pattern[:, None]


def _add_clutter(image, p, x, y, edge, d):
    """Lay small discs, boxes and bars over some of the pictures."""
    for k in range(_CLUTTER):
        i = np.flatnonzero(p[f"clutter_on_{k}"] < _F(0.5 * d))
        q = {name: p[f"clutter_{name}_{k}"][i] for name in _CLUTTER_FIELDS}
        c, s = _direction(q["angle"])
        dx = x - _column(_between(q["x"], -1, 1))
        dy = y - _column(_between(q["y"], -1, 1))
        a, b = np.abs(dx * c + dy * s), np.abs(dy * c - dx * s)
        kind = _column(np.floor(q["kind"] * _F(3)))
        bar = np.maximum(a * _F(0.25), b * _F(2))
        piece = np.where(kind == 1, np.maximum(a, b), bar)
        piece = np.where(kind == 0, np.sqrt(a * a + b * b), piece)
        piece -= _column(_between(q["radius"], 0.08, 0.24))
        _paint(image, i, _cover(piece, edge[i]), _bright(q["light"], q["hue"]))


def _add_object(image, p, dx, dy, radius, edge, labels, rotation, d):
    """Lay the objects over the pictures; return their masks."""
    step = np.rint(_between(p["angle"], -rotation, rotation) * _F(_STEPS / 360))
    step = step.astype(np.intp)
    c, s = _column(_cos(step)), _column(_sin(step))
    width = radius * _between(p["stretch"], 1 - 0.25 * d, 1)
    u = (dx * c + dy * s) / _column(width)
    v = (dy * c - dx * s) / _column(radius)
    distance = np.empty_like(u)
    for k, name in enumerate(CLASS_NAMES):
        i = np.flatnonzero(labels == k)
        distance[i] = _DRAW[name](u[i], v[i])
    distance *= _column(width)

    # Lightness stands off from the background's by `contrast`, upwards more
    # often than downwards unless there is no room.
    light = _between(p["bg_light"], *_BG_LIGHT)
    contrast = _between(p["contrast"], _mix(d, 90, 30), _mix(d, 120, 100))
    up = np.where(light < 110, True, (light <= 160) & (p["sign"] < _F(0.75)))
    colour = np.where(up, light + contrast, light - contrast)[:, None]
    colour = colour + _between(p["chroma"], 10, 50)[:, None] * _hue(p["hue"])
    c, s = _direction(p["shade_angle"])
    shade = (u * c + v * s) * _column(p["shade"] * _F(25 * d))
    every = slice(None)
    colour = colour[:, :, None, None] + shade[:, None]
    _paint(image, every, _cover(distance, edge), colour)
    return distance <= 0


def _add_occluders(image, mask, p, dx, dy, radius, edge, d):
    """Lay a bar or a disc over part of some objects; update their masks."""
    i = np.flatnonzero(p["occluded"] < _F(0.5 * d))
    r = _column(radius[i])
    offset = _column(_between(p["occ_offset"][i], 0.25, 0.95)) * r
    width = _column(_between(p["occ_width"][i], 0.1, 0.3)) * r
    c, s = _direction(p["occ_angle"][i])
    along = dx[i] * c + dy[i] * s - offset
    across = dy[i] * c - dx[i] * s
    bar = np.abs(along) - width
    disc = np.sqrt(along * along + across * across) - width * _F(1.6)
    over = np.where(_column(p["occ_kind"][i]) < _F(0.5), bar, disc)
    hidden = over <= 0
    whole = mask[i].sum(axis=(1, 2))
    seen = (mask[i] & ~hidden).sum(axis=(1, 2))
    ok = seen * 10 >= whole * _VISIBLE_TENTHS
    i = i[ok]
    colour = _bright(p["occ_light"][i], p["occ_hue"][i])
    _paint(image, i, _cover(over[ok], edge[i]), colour)
    mask[i] &= ~hidden[ok]


def _chunk(p, grid, noise, labels, *, size, d, leak, centred, shift, rotation):
    """Draw some of the pictures of `make_shapes`; return images and masks."""
    pixel = 2 / size  # the picture reaches from -1 to 1
    axis = ((np.arange(size) + 0.5) * pixel - 1).astype(_F)
    x, y = axis[None, None, :], axis[None, :, None]

    # The hue of the background is one of ten, each a narrow range with a gap
    # to the next, so that it can name the class without a doubt.
    bins = len(CLASS_NAMES)
    hue = p["bg_hue"] * _F(bins)
    which = np.floor(hue)
    within = hue - which
    which = np.where(p["leaks"] < _F(leak), labels.astype(_F), which)
    hue = (which + within * _F(0.5)) / _F(bins)
    image = _background(p, x, y, grid, hue, size, d)

    edge = _column(_between(p["edge"], 0.05, 1.6)) * _F(pixel)
    _add_clutter(image, p, x, y, edge, d)

    radius = _between(p["radius"], _mix(d, 0.66, 0.40), _mix(d, 0.80, 0.74))
    room = np.maximum(_F(0.95) - radius, 0) * _F(0 if centred else _mix(d, 0.4, 0.8))
    # Shifting the axes by whole pixels first keeps the object's pixels the same.
    dx = (x - _F(shift[0] * pixel)) - _column(_between(p["x"], -1, 1) * room)
    dy = (y - _F(shift[1] * pixel)) - _column(_between(p["y"], -1, 1) * room)
    dx, dy = np.broadcast_arrays(dx, dy)
    mask = _add_object(image, p, dx, dy, radius, edge, labels, rotation, d)
    _add_occluders(image, mask, p, dx, dy, radius, edge, d)

    strength = _between(p["noise"], _mix(d, 0, 4), _mix(d, 6, 32)) / _F(255)
    grain = noise.astype(_F) - _F(127.5)
    image += grain * strength[:, None, None, None]
    image = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    return image.transpose(0, 2, 3, 1), mask


def make_shapes(
    n: int,
    seed: int = 0,
    *,
    difficulty: float = 0.5,
    size: int = 32,
    background_leak: float = 0.0,
    centred: bool = False,
    shift: tuple[int, int] = (0, 0),
    rotation: float | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw ``n`` pictures, each of one shape out of ten.

    Size, place, rotation, colour and contrast of the shape vary, and so do
    the background (gradient, stripes, checks, clouds, speckle), the clutter
    behind the shape, what hides part of it, and the noise. Of each object at
    least 70% stays visible.

    Picture number ``i`` depends on the seed and the options alone, so
    ``make_shapes(n, seed)`` begins with ``make_shapes(k, seed)`` for k < n.
    An option changes what it names and nothing else: the same seed with
    another ``background_leak``, ``shift`` or ``rotation`` gives the same
    pictures with another background hue, place or rotation.

    Parameters
    ----------
    n : int
        Number of pictures. Of every ten in a row, counted from the first,
        each shows another class.
    seed : int
        0 to 2**32 - 1. The same seed gives the same pictures everywhere.
    difficulty : float
        0: large, nearly upright, alone on a nearly even ground; 1: all that
        varies varies widely, and contrast can be low.
    size : int
        Height and width in pixels, 16 to 256.
    background_leak : float
        Probability that the hue of the background is the one that belongs to
        the class. Otherwise it is one of the same ten hues by chance.
    centred : bool
        Put every object in the middle.
    shift : (int, int)
        Move every object, and what hides it, by this many pixels to the right
        and downwards. Everything else stays where it is.
    rotation : float, optional
        Largest angle of rotation either way, in degrees, 0 to 180. Default:
        15 at difficulty 0 to 90 at difficulty 1.

    Returns
    -------
    images : numpy.ndarray
        uint8, shape (n, size, size, 3): red, green, blue.
    labels : numpy.ndarray
        int64, shape (n,): positions in `CLASS_NAMES`.
    masks : numpy.ndarray
        bool, shape (n, size, size): the pixels where the object can be seen.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> images, labels, masks = make_shapes(20, seed=7)
    >>> images.shape, images.dtype, masks.shape
    ((20, 32, 32, 3), dtype('uint8'), (20, 32, 32))
    >>> [CLASS_NAMES[k] for k in labels[:3]]
    ['heart', 'ring', 'cross']
    >>> bool((images[:5] == make_shapes(5, seed=7)[0]).all())
    True
    """
    n = number(n, "n", 1, whole=True)
    seed = _arguments.seed(seed)
    d = number(difficulty, "difficulty", 0, 1)
    size = number(size, "size", 16, 256, whole=True)
    leak = number(background_leak, "background_leak", 0, 1)
    centred = true_or_false(centred, "centred")
    if not isinstance(shift, tuple | list) or len(shift) != 2:
        refuse("shift", "two whole numbers, (right, down)", shift)
    shift = tuple(number(s, "shift", -size, size, whole=True) for s in shift)
    if rotation is None:
        rotation = _mix(d, 15, 90)
    rotation = number(rotation, "rotation", 0, 180)

    # Three streams, each read picture by picture: one for the order of the
    # classes, one for the numbers that describe a picture, one for its noise.
    orders, rows, grains = (np.random.RandomState([seed, k]) for k in range(3))
    k = len(CLASS_NAMES)
    order = np.argsort(orders.random_sample((-(-n // k), k)), axis=1, kind="stable")
    labels = order.ravel()[:n].astype(np.int64)
    images = np.empty((n, size, size, 3), dtype=np.uint8)
    masks = np.empty((n, size, size), dtype=bool)
    fields = len(_FIELDS)
    values = 3 * size**2
    padded = -(-values // 4) * 4  # the stream gives out whole 32-bit words
    at_once = max(1, _PIXELS_AT_ONCE // size**2)
    for start in range(0, n, at_once):
        part = slice(start, min(n, start + at_once))
        m = part.stop - start
        u = rows.random_sample((m, fields + _GRID**2)).astype(_F)
        grid = (u[:, fields:] * _F(2) - _F(1)).reshape(m, _GRID, _GRID)
        noise = np.frombuffer(grains.bytes(m * padded), dtype=np.uint8)
        noise = noise.reshape(m, padded)[:, :values].reshape(m, 3, size, size)
        images[part], masks[part] = _chunk(
            dict(zip(_FIELDS, u.T, strict=False)),
            grid,
            noise,
            labels[part],
            size=size,
            d=d,
            leak=leak,
            centred=centred,
            shift=shift,
            rotation=rotation,
        )
    return images, labels, masks
