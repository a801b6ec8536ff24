"""Proves invariant 2's sum, and that the limiter's arithmetic never overflows: `bash .ci/proofs`.

What is proved. A *run* is any number of steps of one lane, one after the other, from any state that the
limiter can be in; a step is an attempt that is charged, refused or accepted, a forgiving, or that the
old is dropped. (What the Rust does at once may be several steps here.) The clock may say anything at each
step, also less than before, as long as all it says at the writes of the run lies within less than thirty
days.

    The failures of a run with f forgivings weigh at most limit * (1 + f) together.

With a clock that never goes back this is invariant 2: the steps of any thirty days, from t up to but not
at t + 30 days, are a run. Setting the clock back is no way around the sum. A clock that runs ahead by
thirty days, or is set back by as much, at a write, makes what was before old too soon; what comes after
is another run. If it is at most e seconds wrong, any thirty days less 2 e seconds of the true time are
a run.

The person's own forgivings, `emptied`, are a list of the same kind, with entries that weigh 1 and its own
limit, so by the same proof there are never more of them in a run.

How one step stands for all. The state is not bounded: `first` and `next` are any numbers, and the
history (`at`, `before`) is an arbitrary function. `invariant` says what a list has to be like, and what a
run has charged; z3 shows that an empty list is so, that a run can begin at any state that is so, and that
each step leaves it so, for every state, reading of the clock, weight and policy. Induction over the steps
does the rest. There are no quantifiers: what is assumed of the list is assumed at a few places, and what
is shown is shown at two arbitrary ones. To assume less makes a proof only harder.

Then the ends (nothing lasts longer than it should, whatever the clock did), both lanes together, and the
machine's words (`arithmetic.py`). Last, errors are planted in the rules one at a time. Each has to break
a proof *and* to be shown from an empty account, as a trace; otherwise this program fails.

What is not proved: that the Rust does what the model does. The numbers are read from the Rust, and a test
in Rust replays traces of the model, `tests/data/limiter.txt` (`traces.py`). That each attempt is charged
before it is answered, under any parallelism, is what `tests/races` shows. A policy whose numbers change
has a new limit from then on.
"""

import itertools
import sys
from typing import Any, NamedTuple

import z3

import arithmetic
import traces
from limiter import (
    BOUNDS, EARLIEST, FIELDS, FOR_ONE, LATEST, LEEWAY, MOST_EMPTIED, NOTHING_FAILED, RECOMMENDED,
    THIRTY_DAYS, And, Failures, If, Not, Numbers, Rules, numbers_only,
)

NIST = 100  # consecutive failures: SP 800-63B-4 section 3.2.2
RUN = THIRTY_DAYS


class Run(NamedTuple):
    """The ghost of a run: what has happened since it began."""

    start: Any  # the first failure since the run began, or since it last saw a forgiving
    earliest: Any  # reading of the clock
    charged: Any  # the weights of its failures
    forgivings: Any


class Broken(Exception):
    """A claim does not hold: here is a counterexample."""


def prove(claim, given, then):
    solver = z3.Solver()
    solver.set("timeout", 20_000)
    solver.add(*given)
    if solver.check() != z3.sat:
        raise SystemExit(f"nothing is so, and nothing is shown: {claim}")
    solver.add(z3.Not(z3.And(*then)))
    answer = solver.check()
    if answer == z3.sat:
        raise Broken(f"{claim}: {solver.model()}")
    if answer != z3.unsat:
        raise SystemExit(f"z3 cannot say: {claim}: {solver.reason_unknown()}")
    return claim


# Any policy, lane and run; and two arbitrary places in the history.
ints = lambda names: map(z3.Int, names.split())
NUMBERS = Numbers(*ints("free first_wait longest_wait end limit"))
LANE = Failures(*ints("row failed_at first next"), z3.Function("at", z3.IntSort(), z3.IntSort()),
                z3.Function("before", z3.IntSort(), z3.IntSort()))
SINCE = Run(*ints("start earliest charged forgivings"))
now, later, weight, acceptable, kept, i, j = ints("now later weight acceptable kept i j")


def within(number, limits):
    return And(limits[0] <= number, number <= limits[1])


# Of either lane, so from the looser bounds of the two.
ANY_POLICY = [within(getattr(NUMBERS, field), BOUNDS[field]) for field in FIELDS[:3]] + [
    within(NUMBERS.end, (BOUNDS["remembered"][0], BOUNDS["closed_at"][1])),
    within(NUMBERS.limit, (BOUNDS["remembered"][0], BOUNDS["per_thirty_days"][1])),
]


def invariant(lane, run, places):
    """Of the list: in order, each failure weighs something, together at most the limit; the row keeps
    its end. Of the run: all it charged since the last forgiving is still listed."""
    yield within(lane.row, (0, NUMBERS.end))
    yield And(lane.first <= run.start, run.start <= lane.next)
    yield lane.before(lane.next) - lane.before(lane.first) <= NUMBERS.limit
    for a, b in itertools.product(places, repeat=2):
        listed = And(lane.first <= a, a <= b)
        yield z3.Implies(And(listed, b < lane.next), lane.at(a) <= lane.at(b))
        yield z3.Implies(And(listed, b <= lane.next), lane.before(b) - lane.before(a) >= b - a)
    for a in places:
        yield z3.Implies(And(run.start <= a, a < lane.next), lane.at(a) >= run.earliest)
    listed = lane.before(lane.next) - lane.before(run.start)
    yield run.charged <= NUMBERS.limit * run.forgivings + listed
    yield run.forgivings >= 0


PLACES = [i, j, kept, LANE.first, LANE.next, LANE.next - 1, SINCE.start]
ANY_STATE = ANY_POLICY + list(invariant(LANE, SINCE, PLACES))


def steps(rules):
    """Each step: its name, when it can be taken, the lane and the run afterwards, whether it looks at
    the clock."""
    keeps = list(rules.is_oldest_kept(LANE, kept, now, PLACES))
    opens = rules.gate_is_open(NUMBERS, LANE, weight, now, kept)
    is_weight = [acceptable >= 0, weight == rules.weight(acceptable)]
    charged = SINCE._replace(charged=SINCE.charged + weight)
    forgiven = SINCE._replace(start=LANE.next, forgivings=SINCE.forgivings + 1)
    return [
        ("charge", keeps + is_weight + [opens], rules.charge(LANE, weight, now, kept), charged, True),
        ("refuse", keeps + is_weight + [Not(opens)], rules.refuse(LANE, now, kept), SINCE, True),
        ("keep_recent", keeps, rules.keep_recent(LANE, now, kept), SINCE, True),
        ("succeed", [], rules.succeed(LANE), SINCE, False),
        ("forgive", [], rules.forgive(LANE), forgiven, False),
    ]


def sums(rules):
    """The sum of a run, and the length of the list."""
    yield prove("an empty list is as it should be", ANY_POLICY,
                invariant(NOTHING_FAILED, Run(0, now, 0, 0), [i, j]))
    yield prove("a run can begin at any state", ANY_STATE,
                invariant(LANE, Run(LANE.next, now, 0, 0), [i, j]))
    for name, given, lane, run, _ in steps(rules):
        in_run = within(now, (SINCE.earliest, SINCE.earliest + RUN - 1))
        yield prove(f"{name} leaves it so", ANY_STATE + given + [in_run], invariant(lane, run, [i, j]))
    yield prove("a run with f forgivings weighs at most limit * (1 + f)", ANY_STATE,
                [SINCE.charged <= NUMBERS.limit * (SINCE.forgivings + 1)])
    most = BOUNDS["per_thirty_days"][1]
    yield prove(f"the list has at most {most} entries", ANY_STATE, [LANE.next - LANE.first <= most])
    yield prove("what is dropped is the beginning of the list",
                ANY_STATE + [LANE.first <= i, i <= j, j < LANE.next, Not(rules.is_recent(LANE.at(j), now))],
                [Not(rules.is_recent(LANE.at(i), now))])
    yield prove("a failure weighs as many thirds as codes were acceptable, and something",
                [acceptable >= 0],
                [rules.weight(acceptable) >= 1, FOR_ONE * rules.weight(acceptable) >= acceptable])


def ends(rules):
    """Nothing lasts longer than it should, whatever the clock said before."""
    # Without the run, whose readings are not any.
    for name, given, lane, _, looks in steps(rules):
        if looks:
            yield prove(f"{name} leaves nothing that is dated ahead", ANY_STATE + given,
                        [z3.Implies(And(lane.first <= i, i < lane.next), lane.at(i) <= now)])
    past = [z3.Implies(And(LANE.first <= i, i < LANE.next), LANE.at(i) <= now) for i in PLACES]
    yield prove("what is not dated ahead weighs nothing after thirty days",
                ANY_STATE + past + list(rules.is_oldest_kept(LANE, kept, later, PLACES))
                + [later >= now + THIRTY_DAYS],
                [rules.weigh(LANE, kept) == 0])
    until, holds = rules.waits_until(NUMBERS, LANE, now)
    yield prove("a wait ends within the longest one", ANY_STATE + [holds],
                [until <= now + NUMBERS.longest_wait])
    yield prove("and a minute for clocks that differ, whatever the clock said at the failure",
                ANY_STATE + [later >= now + NUMBERS.longest_wait + LEEWAY, holds],
                [Not(rules.waits_until(NUMBERS, LANE, later)[1])])


def lanes():
    """Both lanes together."""
    unknown, remembered, row = ints("unknown remembered row_of_both")
    ends_at = ints("closed_at remembered_at")
    closed_at, remembered_at = ends_at
    policy = [within(closed_at, BOUNDS["closed_at"]), within(remembered_at, BOUNDS["remembered"])]

    def so(unknown, remembered, row):
        return [row == unknown + remembered, within(unknown, (0, closed_at)),
                within(remembered, (0, remembered_at))]

    state = policy + so(unknown, remembered, row)
    yield prove("no failure, no row", policy, so(0, 0, 0))
    yield prove("a failure of an unknown browser keeps both rows", state + [unknown < closed_at],
                so(unknown + 1, remembered, row + 1))
    yield prove("one of a remembered browser too", state + [remembered < remembered_at],
                so(unknown, remembered + 1, row + 1))
    yield prove(f"both rows together are at most NIST's {NIST}", state, [row <= NIST])
    f, of_unknown, of_remembered = ints("f of_unknown of_remembered")
    limits = RECOMMENDED["per_thirty_days"], RECOMMENDED["remembered"]
    yield prove(f"both lanes of a run weigh at most {sum(limits)} * (1 + f)",
                [f >= 0, of_unknown <= limits[0] * (1 + f), of_remembered <= limits[1] * (1 + f)],
                [of_unknown + of_remembered <= sum(limits) * (1 + f)])
    most = limits[0] * (1 + MOST_EMPTIED)
    yield prove(f"and without an operator those of unknown browsers at most {most}",
                [within(f, (0, MOST_EMPTIED)), of_unknown <= limits[0] * (1 + f)], [of_unknown <= most])


# The errors that are planted, each with the proof that it has to break.


class LeavesASecondEarly(Rules):
    def is_recent(self, at, now):
        return at + THIRTY_DAYS - 1 > now


class WeighsTheFloor(Rules):
    def weight(self, acceptable):
        return If(acceptable < 2 * FOR_ONE, 1, acceptable / FOR_ONE)


class HasRoomBelowTheLimit(Rules):
    def has_room(self, weighs, weight, limit):
        return weighs < limit


class IsNotDatedBack(Rules):
    def dated_back(self, at, now):
        return at


class RefusesAndWritesNothing(Rules):
    def refuse(self, lane, now, kept):
        return lane


class ForgetsTheFuture(Rules):
    def is_recent(self, at, now):
        return And(at <= now, at + THIRTY_DAYS > now)


class SucceedsAndForgives(Rules):
    def succeed(self, lane):
        return super().succeed(lane)._replace(first=lane.next)


PLANTED = [
    (LeavesASecondEarly, sums),
    (WeighsTheFloor, sums),
    (HasRoomBelowTheLimit, sums),
    (ForgetsTheFuture, sums),
    (SucceedsAndForgives, sums),
    (IsNotDatedBack, ends),
    (RefusesAndWritesNothing, ends),
]
NUMBERS_OF_UNKNOWN = traces.numbers("unknown")


def traced(rules, outcomes):
    """A trace from an empty account with these outcomes, of recommended numbers, that breaks the sum,
    the codes that were guessed at, or the dates; or None."""
    lane, solver = NOTHING_FAILED, z3.Solver()
    charged = codes = forgivings = 0
    most_codes = FOR_ONE * NUMBERS_OF_UNKNOWN.limit
    lines = []
    earliest = z3.Int("earliest")
    for step, outcome in enumerate(outcomes):
        now, acceptable, kept = (z3.Int(f"{name}_{step}") for name in ["now", "acceptable", "kept"])
        weight = rules.weight(acceptable)
        solver.add(within(now, (EARLIEST, LATEST)), within(acceptable, (0, most_codes)))
        solver.add(within(now, (earliest, earliest + RUN - 1)))
        solver.add(*rules.is_oldest_kept(lane, kept, now, range(step)))
        opens = rules.gate_is_open(NUMBERS_OF_UNKNOWN, lane, weight, now, kept)
        if outcome == "fails":
            solver.add(opens)
            lane = rules.charge(lane, weight, now, kept)
            charged, codes = charged + weight, codes + acceptable
        elif outcome == "is refused":
            solver.add(Not(opens))
            lane = rules.refuse(lane, now, kept)
        elif outcome == "succeeds":
            solver.add(opens)
            lane = rules.succeed(lane)
        else:
            lane, forgivings = rules.forgive(lane), forgivings + 1
        lines.append((now, outcome, acceptable, weight, rules.weigh(lane, lane.first)))
    listed = range(len(outcomes))
    ahead = [And(lane.first <= i, i < lane.next, lane.at(i) > now) for i in listed]
    solver.add(z3.Or(
        charged > NUMBERS_OF_UNKNOWN.limit * (1 + forgivings),
        codes > most_codes * (1 + forgivings),
        *(ahead if outcomes[-1] in ["fails", "is refused"] else []),
    ))
    if solver.check() == z3.unsat:
        return None
    model = solver.model()
    value = lambda term: model.eval(z3.IntVal(term) if numbers_only(term) else term, True)
    return [f"{value(now)} {outcome}, {value(codes)} codes acceptable, weight {value(weight)}: "
            f"listed {value(weighs)}" for now, outcome, codes, weight, weighs in lines]


def shortest_trace(rules, most=3):
    words = ["fails", "is refused", "succeeds", "is forgiven"]
    for length in range(1, most + 1):
        for outcomes in itertools.product(words, repeat=length):
            if trace := traced(rules, outcomes):
                return trace
    return None


def main():
    for title, claims in [("the sum", sums(Rules())), ("the ends", ends(Rules())), ("both lanes", lanes()),
                          ("the machine's words", arithmetic.claims(prove))]:
        print(f"-- {title}")
        for claim in claims:
            print(f"proved: {claim}", flush=True)
    if trace := shortest_trace(Rules()):
        sys.exit("a trace breaks the rules as they are:\n" + "\n".join(trace))

    print("-- planted errors")
    for planted, claims in PLANTED:
        trace = shortest_trace(planted())
        try:
            list(claims(planted()))
        except Broken as broken:
            print(f"found: {planted.__name__}, by '{str(broken).split(':')[0]}'; from an empty account:")
        else:
            sys.exit(f"planted and not found: {planted.__name__}")
        print("\n".join(f"  {line}" for line in trace or sys.exit("no trace from an empty account")))
    for name, claims in arithmetic.planted(prove):
        try:
            list(claims)
        except Broken as broken:
            print(f"found: {name}, by '{broken}'")
        else:
            sys.exit(f"planted and not found: {name}")


if __name__ == "__main__":
    try:
        main()
    except Broken as broken:
        sys.exit(f"not so: {broken}")
