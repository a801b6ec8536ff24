"""Traces of the model for a test in Rust to replay: `tests/data/limiter.txt`. Run by itself it writes
the file anew; with `--check` it fails if the file is not what the model says now.
"""

import sys

from limiter import FIELDS, NOTHING_FAILED, RECOMMENDED, ROOT, THIRTY_DAYS, Look, Numbers, Rules

FILE = ROOT / "tests/data/limiter.txt"
HEAD = """\
# What the limiter does, step by step, in one lane with the recommended numbers. Made by the model that
# the proof is about, `tests/proofs/limiter.py`; renewed by `bash .ci/proofs renew`.
#
# A trace begins with its lane, and nothing has failed in it. Each line is a step:
#
#   NOW STEP(WEIGHT) -> ANSWER, row ROW, sum SUM
#
# NOW is what the clock says. STEP is an attempt that fails or succeeds if it is evaluated, or `forgiven`
# (by an operator). ANSWER is `evaluated`, `wait=SECONDS`, or `closed`; an attempt that is not evaluated is
# not charged. ROW and SUM are those of the lane afterwards, at NOW.
"""
DAY = 24 * 60 * 60
NOON = 1_800_000_000


def numbers(lane):
    end, limit = ("closed_at", "per_thirty_days") if lane == "unknown" else ("remembered", "remembered")
    return Numbers(*(RECOMMENDED[field] for field in FIELDS[:3] + [end, limit]))


class Trace:
    """One lane, in numbers."""

    def __init__(self, title, lane):
        self.rules, self.numbers, self.lane = Rules(), numbers(lane), NOTHING_FAILED
        self.lines = ["", f"# {title}", f"lane {lane}"]

    def look(self, now):
        rules, lane = self.rules, self.lane
        listed = range(lane.first, lane.next)
        first = lambda is_after: next((i for i in listed if is_after(lane.at(i), now)), lane.next)
        return Look(now, first(rules.is_recent), first(lambda at, now: at > now), first(rules.is_far))

    def settled(self, lane):
        """The same lane with its history as lists: the rules put a function on top of another."""
        at = {i: lane.at(i) for i in range(lane.next)}
        before = {i: lane.before(i) for i in range(lane.next + 1)}
        self.lane = lane._replace(at=lambda i: at.get(i, 0), before=lambda i: before.get(i, 0))

    def opens(self, weight, now):
        return self.rules.gate_is_open(self.numbers, self.lane, weight, self.look(now))

    def until(self, weight, now):
        """The later end of the two: of the wait, and of what leaves no room. After a refusal, which has
        dated back what was too far ahead."""
        rules, lane = self.rules, self.lane
        waits, holds = rules.waits_until(self.numbers, lane, now)
        ends = [now] + [lane.at(i) + THIRTY_DAYS for i in range(self.look(now).recent, lane.next)]
        has_room = lambda end: rules.has_room(rules.weigh(lane, self.look(end)), weight, self.numbers.limit)
        until = max(next(end for end in ends if has_room(end)), waits if holds else now)
        # To the second, unless the last failure is dated ahead, by a clock that differs.
        if lane.failed_at <= now:
            assert self.opens(weight, until) and not self.opens(weight, until - 1)
        return until

    def attempt(self, now, step, weight=1):
        rules, answer = self.rules, "evaluated"
        if not self.opens(weight, now):
            self.settled(rules.refuse(self.lane, self.look(now)))
            closed = self.lane.row >= self.numbers.end
            answer = "closed" if closed else f"wait={self.until(weight, now) - now}"
        elif step == "fails":
            self.written(now)
            self.settled(rules.charge(self.lane, weight, self.look(now)))
        else:
            self.settled(rules.succeed(self.lane))
            self.written(now)
        self.line(now, f"{step}({weight}) -> {answer}")
        return self.until(weight, now) if answer.startswith("wait") else now

    def written(self, now):
        self.settled(self.rules.make_room(self.lane, self.look(now)))

    def forgiven(self, now):
        self.settled(self.rules.forgive(self.lane, self.look(now), False))
        self.written(now)
        self.line(now, "forgiven -> evaluated")

    def line(self, now, text):
        weighs = self.rules.weigh(self.lane, self.look(now))
        self.lines.append(f"{now} {text}, row {self.lane.row}, sum {weighs}")

    def fails_when_it_may(self, now, weight=1):
        """Returns when it was evaluated."""
        at = self.attempt(now, "fails", weight)
        return at if at == now else self.fails_when_it_may(at, weight)


def traces():
    trace = Trace("Four are free, then the waits double up to an hour.", "unknown")
    now = NOON
    for _ in range(14):
        now = trace.fails_when_it_may(now)
    trace.attempt(now + 3600, "succeeds")
    trace.attempt(now + 3600, "fails")
    yield trace

    for lane in ["unknown", "remembered"]:
        trace = Trace("The row to its end, over more than one account of thirty days.", lane)
        now = NOON
        for _ in range(trace.numbers.end):
            now = trace.fails_when_it_may(now)
        trace.attempt(now + 60 * DAY, "fails")
        trace.attempt(now + 60 * DAY, "succeeds")
        trace.forgiven(now + 60 * DAY)
        trace.attempt(now + 60 * DAY, "fails")
        yield trace

    trace = Trace("Weights: there is room for a light one where there is none for a heavy one.", "unknown")
    for second, weight in enumerate([17, 16, 16, 2, 1, 1]):
        trace.attempt(NOON + second, "fails", weight)
    for second, weight in [(-1, 17), (0, 18), (0, 17), (1, 16)]:
        trace.attempt(NOON + THIRTY_DAYS + second, "fails", weight)
    yield trace

    trace = Trace("A success ends the row and leaves the sum.", "unknown")
    for day in range(13):
        for step in ["fails"] * 4 + ["succeeds"]:
            trace.attempt(NOON + day * DAY, step)
    yield trace

    trace = Trace("A clock that was set back, by seconds, a minute and more, an hour, a year.", "unknown")
    for back in [0, 10, 70, 60 * 60, 365 * DAY]:
        for _ in range(2):
            trace.attempt(NOON - back, "fails", 5)
    for second in [-1, 1]:
        trace.attempt(NOON - 365 * DAY + THIRTY_DAYS + second, "fails", trace.numbers.limit)
    yield trace

    trace = Trace("Clocks of two hosts: a wait that has begun within a minute ahead holds.", "unknown")
    for _ in range(5):
        trace.attempt(NOON, "fails")
    for back in [60, 61]:
        trace.attempt(NOON - back, "fails")
    yield trace

    trace = Trace("A clock that was decades ahead: a refusal dates back what it wrote.", "unknown")
    trace.attempt(NOON + 20_000 * DAY, "fails", trace.numbers.limit)
    for later in [0, DAY, THIRTY_DAYS - 1, THIRTY_DAYS]:
        trace.attempt(NOON + later, "fails", 1)
    yield trace

    for ahead in [THIRTY_DAYS, THIRTY_DAYS + 1]:
        trace = Trace(f"{ahead} seconds ahead for one failure: what was before it still counts.", "unknown")
        for second in range(3):
            trace.attempt(NOON + second, "fails", 10)
        trace.attempt(NOON + ahead, "fails", 10)
        for second in [3, 4, 5]:
            trace.attempt(NOON + second, "fails", 10)
        for later in [0, ahead - THIRTY_DAYS, DAY, THIRTY_DAYS, 2 * THIRTY_DAYS]:
            trace.attempt(NOON + THIRTY_DAYS + later, "fails", 25)
        yield trace

    trace = Trace("What is dated back comes before what is ahead by less.", "unknown")
    for day, weight in [(29, 7), (31, 11), (45, 13), (0, 3), (1, 1), (30, 1), (31, 1), (59, 1), (60, 1)]:
        trace.attempt(NOON + day * DAY, "fails", weight)
        trace.attempt(NOON + day * DAY + 1, "succeeds")
    yield trace

    trace = Trace("More than there is room for: the oldest go.", "unknown")
    for day in [0, 31, 62, 31]:
        for second in range(trace.numbers.limit // 2):
            trace.attempt(NOON + day * DAY + second, "fails")
            trace.attempt(NOON + day * DAY + second, "succeeds")
    for day in [0, 5, 31, 61, 92]:
        trace.attempt(NOON + day * DAY + 60, "fails", trace.numbers.limit // 2)
        trace.attempt(NOON + day * DAY + 60, "succeeds")
    yield trace

    trace = Trace("What is over by a clock that is ahead is not forgiven by it.", "unknown")
    trace.attempt(NOON, "fails", trace.numbers.limit)
    trace.forgiven(NOON + 31 * DAY)
    trace.attempt(NOON + 1, "fails")
    trace.forgiven(NOON + 2)
    trace.attempt(NOON + 3, "fails")
    yield trace

    for lane in ["unknown", "remembered"]:
        trace = Trace("At random.", lane)
        now, drawn = NOON, 1
        for _ in range(120):
            drawn = (drawn * 6364136223846793005 + 1442695040888963407) % 2**64
            high = drawn >> 33
            jumps = [0, 1, 31, 601, 3599, 7200, DAY, 5 * DAY, THIRTY_DAYS - 1, -1, -60, -61, -3 * DAY]
            now += jumps[high % len(jumps)] if high % 7 else 7200
            if high % 41 == 0:
                trace.forgiven(now)
            else:
                weights = [1, 1, 1, 2, 5, trace.numbers.limit // 3]
                trace.attempt(now, "succeeds" if high % 11 == 0 else "fails", weights[high // 100 % 6])
        yield trace


def main():
    text = HEAD + "".join("\n".join(trace.lines) + "\n" for trace in traces())
    if sys.argv[1:] == ["--check"]:
        if not FILE.exists() or FILE.read_text() != text:
            sys.exit(f"{FILE.relative_to(ROOT)} is not what the model says: bash .ci/proofs renew")
    else:
        FILE.write_text(text)


if __name__ == "__main__":
    main()
