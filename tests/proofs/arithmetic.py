"""The limiter's arithmetic in the words that the machine has: bit-vectors of 8, 16, 32 and 64 bits.

Each claim is about an expression of the Rust, which has to be found there, and says that it is what the
same expression is in numbers without an end (here: of 128 bits), for every value that the types and the
bounds allow, of every plausible clock. So no sum wraps, and where the Rust saturates, it either never
does or the answer is the same. Dates in a record are any u64.
"""

import re

import z3

from limiter import BOUNDS, EARLIEST, FOR_ONE, LATEST, LEEWAY, SOURCE, THIRTY_DAYS, read

[DEVICES] = read(r"const MAX_OTP_DEVICES: usize = (\d+);")
[LOOK_AHEAD] = read(r"pub type LookAhead = Bounded<1, (\d+)>;")
STEPS = sum(read(rf"pub {way}: Bounded<0, (\d+)>")[0] for way in ["backward", "forward"]) + 1
MOST = 2**64 - 1


def in_rust(expression):
    """The Rust that a claim is about. It has to be there, but for blanks and where lines end."""
    packed = lambda text: re.sub(r"\s+", "", text)
    if packed(expression) not in packed(SOURCE):
        raise SystemExit(f"not in src, and the proof is about it: {expression}")
    return expression


def word(name, low, high, bits=128):
    """A number of the Rust, and its bounds."""
    number = z3.BitVec(name, bits)
    return number, z3.And(z3.ULE(low, number), z3.ULE(number, high))


def minimum(a, b):
    return z3.If(z3.ULE(a, b), a, b)


def saturated(number, most=MOST):
    """What a saturating operation makes of a result."""
    return minimum(number, z3.BitVecVal(most, number.size()))


def less(a, b):
    """a.saturating_sub(b)"""
    return z3.If(z3.UGE(a, b), a - b, z3.BitVecVal(0, a.size()))


def fits(number, bits):
    return z3.ULE(number, 2**bits - 1)


def checked_shl(shift):
    """`1_u64.checked_shl(shift).unwrap_or(u64::MAX)`"""
    return z3.If(z3.ULT(shift, 64), z3.BitVecVal(1, 128) << shift, z3.BitVecVal(MOST, 128))


def wait_after(failures, free, first_wait, longest_wait, doubled=checked_shl, product=saturated):
    in_rust("u64::from(failures).saturating_sub(self.free.as_u64())")
    in_rust("1_u64.checked_shl(paid.saturating_sub(1)).unwrap_or(u64::MAX)")
    in_rust("self.first_wait.as_u64().saturating_mul(doubled).min(self.longest_wait.as_u64())")
    paid = less(failures, free)
    wait = minimum(product(first_wait * doubled(less(paid, z3.BitVecVal(1, 128)))), longest_wait)
    return z3.If(paid == 0, z3.BitVecVal(0, 128), wait)


def waits(prove, **planted):
    failures, of_failures = word("failures", 0, 2**16 - 1)
    free, first, longest = (word(name, *BOUNDS[name]) for name in ["free", "first_wait", "longest_wait"])
    given = [of_failures, free[1], first[1], longest[1]]
    free, first, longest = free[0], first[0], longest[0]
    wait = wait_after(failures, free, first, longest, **planted)
    paid = less(failures, free)
    # Twelve doublings of a second are over an hour: after them the longest wait is exact.
    exact = z3.If(z3.UGT(paid, 12), longest, minimum(first << (paid - 1), longest))
    yield prove("wait_after is exact, for each u16 of failures and each policy", given,
                [wait == z3.If(paid == 0, z3.BitVecVal(0, 128), exact)])


def claims(prove):
    assert 2**12 > BOUNDS["longest_wait"][1]
    yield from waits(prove)

    now, plausible = word("now", EARLIEST, LATEST)
    at, of_at = word("at", 0, MOST)
    in_rust("failure.at.plus(THIRTY_DAYS) > now")
    yield prove("a failure of any date is recent by saturating sums exactly if it is", [plausible, of_at],
                [z3.UGT(saturated(at + THIRTY_DAYS), now) == z3.UGT(at + THIRTY_DAYS, now)])
    in_rust("self.0 <= now.0.saturating_add(60)")
    yield prove("now and the leeway never saturate", [plausible], [fits(now + LEEWAY, 63)])
    in_rust("self.failed_at.min(now).plus(wait)")
    wait, of_wait = word("wait", 0, BOUNDS["longest_wait"][1])
    yield prove("the end of a wait never saturates", [plausible, of_at, of_wait],
                [fits(minimum(at, now) + wait, 63)])
    in_rust("*at > now.plus(secs)")
    in_rust("failure.at > now.plus(THIRTY_DAYS)")
    in_rust("if is_ahead { now } else { failure.at }.plus(THIRTY_DAYS)")
    in_rust("at.plus(THIRTY_DAYS) > now")
    most_ahead = now + THIRTY_DAYS
    end = z3.If(z3.UGT(at, most_ahead), now, at) + THIRTY_DAYS
    yield prove("the end of a failure's thirty days never saturates, and is at most sixty days ahead",
                [plausible, of_at], [fits(most_ahead, 63), fits(end, 63), z3.ULE(end, now + 2 * THIRTY_DAYS)])

    of_one = max(2 * STEPS, LOOK_AHEAD)
    in_rust("policy.window().steps().saturating_mul(2)")
    in_rust("of_one.saturating_mul(MAX_OTP_DEVICES as u32)")
    acceptable, of_acceptable = word("acceptable", 0, of_one * DEVICES)
    ceiling = z3.UDiv(acceptable + FOR_ONE - 1, z3.BitVecVal(FOR_ONE, 128))
    yield prove(f"{DEVICES} devices of {of_one} acceptable codes have a weight of a u8 and no more",
                [of_acceptable], [fits(acceptable, 32), fits(ceiling, 8)])

    limit, of_limit = word("limit", 0, BOUNDS["per_thirty_days"][1])
    weight, of_weight = word("weight", 1, 255)
    entries, of_entries = word("entries", 0, 2**32)
    total = z3.BitVec("total", 128)
    in_rust("recent.map(|failure| u64::from(failure.weight)).sum()")
    yield prove("weigh never wraps, nor with one failure more, in a record of four billion failures",
                [of_entries, of_weight, z3.ULE(total, 255 * entries)],
                [fits(total + weight, 64), z3.ULE(total + weight, 255 * (entries + 1))])
    row, of_row = word("row", 0, BOUNDS["closed_at"][1] - 1)
    in_rust("self.row = self.row.saturating_add(1)")
    yield prove("a row never saturates, because the gate is closed at its end", [of_row],
                [fits(row + 1, 16)])
    in_rust("throttle.free.as_u64().saturating_add(1).saturating_sub(row)")
    in_rust("room.checked_div(weight.into()).unwrap_or(0)")
    free, of_free = word("free", *BOUNDS["free"])
    by_window = z3.UDiv(less(limit, total), weight)
    yield prove("the tries that are left are a u8", [of_free, of_limit, of_weight, of_row],
                [fits(less(free + 1, row), 8), fits(by_window, 8)])


def planted(prove):
    """Errors of arithmetic, each with the claims that have to see it."""
    masked = lambda shift: z3.BitVecVal(1, 128) << (shift & 63)
    wrapped = lambda number: number & MOST
    yield "the doubling shifts by more than a word has", waits(prove, doubled=masked)
    yield "the product of the doubling wraps", waits(prove, product=wrapped)
