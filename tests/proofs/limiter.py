"""The limiter of `src/account/throttle.rs` as a model. Its rules work on z3's terms, for the proof, and on
Python's numbers, for the traces; their names are those of the Rust.

The numbers are read from the Rust. One that is not found there stops the proof.
"""

import pathlib
import re
import sys
from typing import Any, Callable, NamedTuple

import z3

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.rs")))
THROTTLE = (ROOT / "src/account/throttle.rs").read_text()


def read(pattern, text=SOURCE):
    """Returns the numbers that the groups of a pattern find. All its places have to agree."""
    found = set(re.findall(pattern, text))
    if len(found) != 1:
        sys.exit(f"the proof needs one answer to `{pattern}` in src, and finds {len(found)}")
    groups = found.pop()
    return [eval(n, {}) for n in ([groups] if isinstance(groups, str) else groups)]


def bounds(field, text=THROTTLE):
    return read(rf"\bpub {field}: Bounded<(\d+), (\d+)>", text)


def recommended(field):
    constant = re.search(r"const RECOMMENDED: Throttle = .*?\};", THROTTLE, re.DOTALL)
    return read(rf"\b{field}: Bounded::of::<(\d+)>\(\)", constant.group() if constant else "")[0]


FIELDS = ["free", "first_wait", "longest_wait", "closed_at", "per_thirty_days", "remembered"]
BOUNDS = {field: bounds(field) for field in FIELDS}
RECOMMENDED = {field: recommended(field) for field in FIELDS}
[THIRTY_DAYS] = read(r"const THIRTY_DAYS: u64 = ([\d* ]+);")
[MOST_EMPTIED] = read(r"const MOST_EMPTIED: usize = (\d+);")
[FOR_ONE] = read(r"\bfn weight\(acceptable: u32\) -> u8 \{\s*u8::try_from\(acceptable\.div_ceil\((\d+)\)\)")
[LEEWAY] = read(r"fn has_begun\([^)]*\) -> bool \{\s*self\.0 <= now\.0\.saturating_add\((\d+)\)")
[EARLIEST] = read(r"EARLIEST_PLAUSIBLE: UnixTime = UnixTime\(([\d_]+)\)")
[LATEST] = read(r"LATEST_PLAUSIBLE: UnixTime = UnixTime\(([\d_]+)\)")


def numbers_only(*values):
    return not any(isinstance(value, z3.ExprRef) for value in values)


def If(condition, then, otherwise):
    if numbers_only(condition):
        return then if condition else otherwise
    return z3.If(condition, then, otherwise)


def And(*conditions):
    return all(conditions) if numbers_only(*conditions) else z3.And(*conditions)


def Not(condition):
    return not condition if numbers_only(condition) else z3.Not(condition)


class Numbers(NamedTuple):
    """What a policy says of one lane."""

    free: Any
    first_wait: Any
    longest_wait: Any
    end: Any
    limit: Any


class Failures(NamedTuple):
    """One lane, and all that ever failed in it.

    Failure number `i`, counted from the account's first, is dated `at(i)`; those before `i` weigh
    `before(i)` together. The Rust's list `recent` has the numbers from `first` up to `next`; all that
    was forgotten or forgiven comes before `first`, and exists in the model only.
    """

    row: Any
    failed_at: Any
    first: Any
    next: Any
    at: Callable
    before: Callable


NOTHING_FAILED = Failures(0, 0, 0, 0, lambda i: 0, lambda i: 0)


class Rules:
    """The rules. A planted error is a class that changes one of them."""

    def is_recent(self, at, now):
        return at + THIRTY_DAYS > now

    def dated_back(self, at, now):
        return If(at > now, now, at)

    def has_room(self, weighs, weight, limit):
        return weighs + weight <= limit

    def weight(self, acceptable):
        """Of a failure at which so many codes were acceptable."""
        whole = acceptable + FOR_ONE - 1
        ceiling = whole // FOR_ONE if numbers_only(whole) else whole / FOR_ONE
        return If(ceiling < 1, 1, ceiling)

    def is_oldest_kept(self, lane, kept, now, places):
        """Whether `keep_recent` keeps what is listed from `kept` on, looking only at these places."""
        for i in places:
            yield z3.Implies(And(lane.first <= i, i < kept), Not(self.is_recent(lane.at(i), now)))
            yield z3.Implies(And(kept <= i, i < lane.next), self.is_recent(lane.at(i), now))
        yield And(lane.first <= kept, kept <= lane.next)

    def weigh(self, lane, kept):
        return lane.before(lane.next) - lane.before(kept)

    def wait_after(self, numbers, row):
        wait = numbers.longest_wait
        for paid in range(12, 0, -1):  # the next doubling, of a second even, is over an hour
            doubled = numbers.first_wait * 2 ** (paid - 1)
            shorter = If(doubled < numbers.longest_wait, doubled, numbers.longest_wait)
            wait = If(row - numbers.free <= paid, shorter, wait)
        return If(row <= numbers.free, 0, wait)

    def waits_until(self, numbers, lane, now):
        """Returns the end of the wait, and whether it holds."""
        until = If(lane.failed_at > now, now, lane.failed_at) + self.wait_after(numbers, lane.row)
        return until, And(lane.failed_at <= now + LEEWAY, until > now)

    def gate_is_open(self, numbers, lane, weight, now, kept):
        return And(
            lane.row < numbers.end,
            Not(self.waits_until(numbers, lane, now)[1]),
            self.has_room(self.weigh(lane, kept), weight, numbers.limit),
        )

    def keep_recent(self, lane, now, kept):
        return lane._replace(first=kept, at=lambda i: self.dated_back(lane.at(i), now))

    def charge(self, lane, weight, now, kept):
        lane = self.keep_recent(lane, now, kept)
        return lane._replace(
            row=lane.row + 1,
            failed_at=now,
            next=lane.next + 1,
            at=lambda i: If(i == lane.next, now, lane.at(i)),
            before=lambda i: If(i == lane.next + 1, lane.before(lane.next) + weight, lane.before(i)),
        )

    def refuse(self, lane, now, kept):
        """Writes nothing, but where a failure is dated ahead of now (`is_ahead`). The list is in order,
        so that is where its last failure is."""
        is_ahead = And(lane.first < lane.next, lane.at(lane.next - 1) > now)
        kept_lane = self.keep_recent(lane, now, kept)
        return lane._replace(
            first=If(is_ahead, kept_lane.first, lane.first),
            at=lambda i: If(is_ahead, kept_lane.at(i), lane.at(i)),
        )

    def succeed(self, lane):
        return lane._replace(row=0, failed_at=0)

    def forgive(self, lane):
        return self.succeed(lane)._replace(first=lane.next)
