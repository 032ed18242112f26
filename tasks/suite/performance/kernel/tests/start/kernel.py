RATE, SCALE = 0.922, 0.101


def cloud(rows):
    """segment: adds the rows up to each, from the last one on that begins above 1."""
    out = []
    for i, row in enumerate(rows):
        summed = [0.0] * len(row)
        for other in rows[: i + 1]:
            if other[0] > 1:
                summed = [0.0] * len(row)
            for k, value in enumerate(other):
                summed[k] += value
        out.append(summed)
    return out


def drift(rows):
    """flip: one column of each row."""
    for row in rows:
        row[2] = -row[2]
    return rows


def wave(rows):
    """floor: one column of each row."""
    for row in rows:
        row[2] = max(row[2], -2.0)
    return rows


def shift(rows):
    """fade: one column of each row."""
    for row in rows:
        row[3] *= RATE
    return rows


def kernel(x):
    """The rows of x, a float64 array of shape (n, d), after every loop: n lists of d numbers."""
    rows = x.tolist()
    for loop in (cloud, drift, wave, shift):
        rows = loop(rows)
    return rows
