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
[ROOM] = read(r"const ROOM: usize = (\d+);")
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


def Or(*conditions):
    return any(conditions) if numbers_only(*conditions) else z3.Or(*conditions)


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

    The list of the Rust, `recent`, is in the order of its dates: its failures have the numbers from `first`
    up to `next`. Failure number `i` is dated `at(i)`, and those before `i` weigh `before(i)` together. What
    made room or was forgiven comes before `first`, and exists in the model only.
    """

    row: Any
    failed_at: Any
    first: Any
    next: Any
    at: Callable
    before: Callable


class Look(NamedTuple):
    """What a reading of the clock makes of a list: the number of the first failure that is not over, of
    the first that is dated later than now, and of the first that is dated later by more than it lasts."""

    now: Any
    recent: Any
    ahead: Any
    far: Any


NOTHING_FAILED = Failures(0, 0, 0, 0, lambda i: 0, lambda i: 0)


class Rules:
    """The rules. A planted error is a class that changes one of them."""

    room = ROOM

    def is_recent(self, at, now):
        return at + THIRTY_DAYS > now

    def is_far(self, at, now):
        return at > now + THIRTY_DAYS

    def dated_back(self, now):
        return now

    def has_room(self, weighs, weight, limit):
        return weighs + weight <= limit

    def weight(self, acceptable):
        """Of a failure at which so many codes were acceptable."""
        whole = acceptable + FOR_ONE - 1
        ceiling = whole // FOR_ONE if numbers_only(whole) else whole / FOR_ONE
        return If(ceiling < 1, 1, ceiling)

    def is_look(self, look, lane, places):
        """Whether a look is that of its clock, looking only at these places."""
        cuts = [(look.recent, self.is_recent), (look.ahead, lambda at, now: at > now),
                (look.far, self.is_far)]
        dates = [(i, lane.at(i)) for i in places]
        for cut, is_after in cuts:
            for i, at in dates:
                after = is_after(at, look.now)
                yield z3.Implies(And(lane.first <= i, i < cut), Not(after))
                yield z3.Implies(And(cut <= i, i < lane.next), after)
            yield And(lane.first <= cut, cut <= lane.next)

    def weigh(self, lane, look):
        return lane.before(lane.next) - lane.before(look.recent)

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

    def gate_is_open(self, numbers, lane, weight, look):
        return And(
            lane.row < numbers.end,
            Not(self.waits_until(numbers, lane, look.now)[1]),
            self.has_room(self.weigh(lane, look), weight, numbers.limit),
        )

    def within_room(self, lane):
        """The oldest go."""
        too_many = lane.next - lane.first > self.room
        return lane._replace(first=If(too_many, lane.next - self.room, lane.first))

    def make_room(self, lane, look):
        """What is far ahead is dated back to now, and comes before what is ahead by less."""
        ahead, far, dated_back = look.ahead, look.far, lane.next - look.far
        between = And(ahead < far, far < lane.next)  # otherwise the order is as it was

        def was(i):
            moved = If(i < ahead + dated_back, far + i - ahead, i - dated_back)
            return If(And(between, i >= ahead), moved, i)

        def at(i):
            is_far = And(far <= was(i), was(i) < lane.next)
            return If(is_far, self.dated_back(look.now), lane.at(was(i)))

        def before(i):
            of_far = lane.before(far + i - ahead) - lane.before(far)
            moved = If(
                i <= ahead + dated_back,
                lane.before(ahead) + of_far,
                lane.before(i - dated_back) + lane.before(lane.next) - lane.before(far),
            )
            return If(And(between, i > ahead), moved, lane.before(i))

        return self.within_room(lane._replace(at=at, before=before))

    def charge(self, lane, weight, look):
        """After `make_room`: nothing is far ahead. The new one comes before what is dated later."""
        ahead = look.ahead
        return self.within_room(lane._replace(
            row=lane.row + 1,
            failed_at=look.now,
            next=lane.next + 1,
            at=lambda i: If(i == ahead, look.now, lane.at(If(i < ahead, i, i - 1))),
            before=lambda i: If(i <= ahead, lane.before(i), lane.before(i - 1) + weight),
        ))

    def is_ahead(self, lane, now):
        """The list is in order, so what is furthest ahead is its last failure."""
        return And(lane.first < lane.next, self.is_far(lane.at(lane.next - 1), now))

    def refuse(self, lane, look):
        """Writes nothing, but where a failure is too far ahead."""
        is_ahead, made = self.is_ahead(lane, look.now), self.make_room(lane, look)
        return lane._replace(
            first=If(is_ahead, made.first, lane.first),
            at=lambda i: If(is_ahead, made.at(i), lane.at(i)),
            before=lambda i: If(is_ahead, made.before(i), lane.before(i)),
        )

    def succeed(self, lane):
        return lane._replace(row=0, failed_at=0)

    def forgives(self, lane, look, other):
        """Whether there is anything to forgive, in this lane or in the other one."""
        return Or(other, self.weigh(lane, look) > 0)

    def forgive(self, lane, look, other):
        first = If(self.forgives(lane, look, other), lane.next, lane.first)
        return self.succeed(lane)._replace(first=first)
