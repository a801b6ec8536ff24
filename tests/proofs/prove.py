"""Proves invariant 2's sum, and that the limiter's arithmetic never overflows: `bash .ci/proofs`.

What is proved. A *run* is any number of steps of one lane, one after the other, from any state that the
limiter can be in, whose clock never says less than some moment E. A step is an attempt that is charged,
refused or accepted, a forgiving, or a write of something else. (What the Rust does at once may be several
steps here.) The clock may go back and ahead at each step as it likes, but not to before E.

    The failures of a run that are charged from E up to but not at E + 30 days, as the clock said when they
    were, weigh at most limit * (1 + f) together, with f forgivings in the run.

So it is for steps whose readings all lie within thirty days, in any order. With a clock that never goes
back it is invariant 2: any thirty days, from t up to but not at t + 30 days, are of a run from E = t. If
the clock is at most e seconds wrong, any thirty days less 2 e seconds of the true time are. What a clock
charges that is ahead by more than that is not in the sum, but in that of the thirty days of its own; and
it takes nothing from the sum, because what is over is passed over and not dropped. Only the oldest make
room, and then the list is full for every clock by which what went would not be over (its room is more than
any limit).

    A write by a clock that is ahead by anything, or that finds nothing dated more than thirty days ahead of
    itself, leaves what any other clock counts, or leaves it at least the limit (`wrong_clocks`).

What is left: a write by a clock that was set back by more than thirty days dates back what it finds, and by
the right clock that is over. What comes after is another run.

    What is dated more than thirty days ahead is dated back to now by each write, and by each refusal. What
    is dated ahead by an error of at most thirty days weighs nothing thirty days after that error, so nothing
    that was charged before a write weighs anything sixty days after it (`ends`).

The person's own forgivings, `emptied`, are a list of the same kind, with entries that weigh 1 and its own
limit, so by the same proof there are never more of them in a run. (It is in the order of the writes. Of
that list the order says nothing, because it is only counted, and the oldest is looked for.)

How one step stands for all. The state is not bounded: `first` and `next` are any numbers, and the
history (`at`, `before`) is an arbitrary function; a failure that is charged, or dated back, is put in
before those that are dated later. `invariant` says what a list has to be like, and what a run has charged;
z3 shows that an empty list is so, that a run can begin at any state that is so, and that each step leaves it
so, for every state, reading of the clock, weight and policy. Induction over the steps does the rest. There
are no quantifiers: what is assumed of the list is assumed at a few places, and what is shown is shown at two
arbitrary ones. To assume less makes a proof only harder.

Then other clocks, the ends (nothing lasts longer than it should, whatever the clock did), both lanes
together, and the machine's words (`arithmetic.py`). Last, errors are planted in the rules one at a time. Each
has to break a proof *and* to be shown from an empty account, as a trace; otherwise this program fails.

What is not proved: that the Rust does what the model does. The numbers are read from the Rust, the
expressions that the model is about have to be found there, and a test in Rust replays traces of the model,
`tests/data/limiter.txt` (`traces.py`). That each attempt is charged before it is answered, under any
parallelism, is what `tests/races` shows. A policy whose numbers change has a new limit from then on.
"""

import itertools
import sys
from typing import Any, NamedTuple

import z3

import arithmetic
import traces
from limiter import (
    BOUNDS, EARLIEST, FIELDS, FOR_ONE, LATEST, LEEWAY, MOST_EMPTIED, NOTHING_FAILED, RECOMMENDED, ROOM,
    THIRTY_DAYS, And, Failures, If, Look, Not, Numbers, Rules, numbers_only,
)

NIST = 100  # consecutive failures: SP 800-63B-4 section 3.2.2
RUN = THIRTY_DAYS


class Run(NamedTuple):
    """The ghost of a run: what has happened since it began."""

    start: Any  # the first failure in the list that is dated within the run
    earliest: Any  # reading of the clock
    charged: Any  # the weights of its failures
    forgivings: Any


class Broken(Exception):
    """A claim does not hold: here is a counterexample."""


def prove(claim, given, then):
    solver = z3.Solver()
    solver.set("timeout", 100_000)
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
now, later, weight, acceptable, i, j = ints("now later weight acceptable i j")
LOOK = Look(now, *ints("recent ahead far"))
other = z3.Bool("other")


def within(number, limits):
    return And(limits[0] <= number, number <= limits[1])


# Of either lane, so from the looser bounds of the two.
ANY_POLICY = [within(getattr(NUMBERS, field), BOUNDS[field]) for field in FIELDS[:3]] + [
    within(NUMBERS.end, (BOUNDS["remembered"][0], BOUNDS["closed_at"][1])),
    within(NUMBERS.limit, (BOUNDS["remembered"][0], BOUNDS["per_thirty_days"][1])),
]


def listed(lane, run):
    return lane.before(lane.next) - lane.before(run.start)


def invariant(lane, run, places):
    """Of the list: in order, within its room, each failure weighs something; the row keeps its end. Of the
    run: all it charged since the last forgiving is listed, unless the list is full of what is dated within
    the run or later."""
    yield within(lane.row, (0, NUMBERS.end))
    yield And(lane.first <= run.start, run.start <= lane.next)
    yield lane.next - lane.first <= ROOM
    known = [(a, lane.at(a), lane.before(a)) for a in places]
    for (a, at_a, before_a), (b, at_b, before_b) in itertools.permutations(known, 2):
        inside = And(lane.first <= a, a <= b)
        yield z3.Implies(And(inside, b < lane.next), at_a <= at_b)
        yield z3.Implies(And(inside, b <= lane.next), before_b - before_a >= b - a)
    for a, at_a, _ in known:
        yield z3.Implies(And(lane.first <= a, a < run.start), at_a < run.earliest)
        yield z3.Implies(And(run.start <= a, a < lane.next), at_a >= run.earliest)
    is_full = And(run.start == lane.first, lane.next - lane.first == ROOM)
    yield z3.Or(run.charged <= NUMBERS.limit * run.forgivings + listed(lane, run), is_full)
    yield run.charged <= NUMBERS.limit * (run.forgivings + 1)
    yield run.forgivings >= 0


# Where the numbers i and j of a list were before a step, and where the list is cut.
OF_FAR = LANE.next - LOOK.far
PLACES = [was for k in [i, j] for was in [k, k - 1, LOOK.far + k - LOOK.ahead, k - OF_FAR]] + [
    place - back for place in [*LOOK[1:], LANE.first, LANE.next, SINCE.start] for back in [0, 1]]
ANY_STATE = ANY_POLICY + list(invariant(LANE, SINCE, PLACES))
LOOKS = z3.And(LOOK.recent <= LOOK.ahead, LOOK.ahead <= LOOK.far)  # shown in `sums`


def looks(rules, places=PLACES):
    return [*rules.is_look(LOOK, LANE, places), LOOKS]


class Step(NamedTuple):
    name: str
    given: list
    lane: Failures
    run: Run
    looks: bool  # and so leaves nothing too far ahead


def steps(rules):
    """Each step: when it can be taken, and the lane and the run afterwards."""
    seen = looks(rules)
    opens = rules.gate_is_open(NUMBERS, LANE, weight, LOOK)
    is_weight = [acceptable >= 0, weight == rules.weight(acceptable)]
    in_run = now < SINCE.earliest + RUN

    def run(lane, **changed):
        start = If(lane.first > SINCE.start, lane.first, SINCE.start)
        return SINCE._replace(start=start, **changed)

    charged = rules.charge(LANE, weight, LOOK)
    made, refused = rules.make_room(LANE, LOOK), rules.refuse(LANE, LOOK)
    forgives = rules.forgives(LANE, LOOK, other)
    forgiven = rules.forgive(LANE, LOOK, other)
    return [
        Step("charge", seen + is_weight + [opens, LOOK.far == LANE.next], charged,
             run(charged, charged=SINCE.charged + If(in_run, weight, 0)), True),
        Step("refuse", seen + is_weight + [Not(opens)], refused, run(refused), True),
        Step("make_room", seen, made, run(made), True),
        Step("succeed", [], rules.succeed(LANE), run(rules.succeed(LANE)), False),
        Step("forgive", seen, forgiven,
             run(forgiven, forgivings=SINCE.forgivings + If(forgives, 1, 0)), False),
    ]


def sums(rules):
    """The sum of a run, and the length of the list."""
    yield prove("an empty list is as it should be", ANY_POLICY,
                invariant(NOTHING_FAILED, Run(0, now, 0, 0), [i, j]))
    start, places = z3.Int("start_of_run"), [i, j, LANE.next, z3.Int("start_of_run")]
    begins = [z3.Implies(And(LANE.first <= a, a < LANE.next), (a < start) == (LANE.at(a) < now))
              for a in places] + [within(start, (LANE.first, LANE.next))]
    yield prove("a run can begin at any state",
                ANY_POLICY + list(invariant(LANE, SINCE, places)) + begins,
                invariant(LANE, Run(start, now, 0, 0), [i, j]))
    yield prove("what is over comes first, then the others, then what is ahead, then what is too far ahead",
                ANY_STATE + list(rules.is_look(LOOK, LANE, PLACES)), [LOOKS])
    for step in steps(rules):
        yield prove(f"{step.name} leaves it so", ANY_STATE + step.given + [now >= SINCE.earliest],
                    invariant(step.lane, step.run, [i, j]))
    yield prove("a run with f forgivings weighs at most limit * (1 + f)", ANY_STATE,
                [SINCE.charged <= NUMBERS.limit * (SINCE.forgivings + 1)])
    yield prove(f"the list has at most {ROOM} entries", ANY_STATE, [LANE.next - LANE.first <= ROOM])
    yield prove("a failure weighs as many thirds as codes were acceptable, and something",
                [acceptable >= 0],
                [rules.weight(acceptable) >= 1, FOR_ONE * rules.weight(acceptable) >= acceptable])


def wrong_clocks(rules):
    """What the right clock counts, at `later`, when a write by another clock, at `now`, is over."""
    by_right = Look(later, *ints("recent_by_right ahead_by_right far_by_right"))
    afterwards = Look(later, *ints("recent_afterwards ahead_afterwards far_afterwards"))
    counted = rules.weigh(LANE, by_right)
    for step in steps(rules):
        if step.name not in ["charge", "make_room"]:  # a refusal writes what `make_room` does, or nothing
            continue
        # Where the right clock cuts the new list is somewhere in the old one, and the other way about.
        cuts = [by_right.recent, afterwards.recent]
        cuts += [cut - way for cut in cuts for way in [1, -1, OF_FAR, -OF_FAR]]
        places = PLACES + cuts
        state = ANY_POLICY + list(invariant(LANE, SINCE, places)) + looks(rules, places)
        right = [*rules.is_look(by_right, LANE, places), *rules.is_look(afterwards, step.lane, places),
                 z3.Or(now >= later, LOOK.far == LANE.next)]
        still = rules.weigh(step.lane, afterwards)
        yield prove(f"{step.name} by a clock ahead, or not too far behind, takes nothing from what the "
                    "right one counts, or leaves it full",
                    state + step.given + right, [z3.Or(still >= counted, still >= NUMBERS.limit)])


def ends(rules):
    """Nothing lasts longer than it should, whatever the clock said before."""
    # Without the run, whose readings are not any.
    for step in steps(rules):
        lane = step.lane
        if step.looks:
            yield prove(f"{step.name} leaves nothing that is dated more than thirty days ahead",
                        ANY_STATE + step.given,
                        [z3.Implies(And(lane.first <= i, i < lane.next),
                                    lane.at(i) <= now + THIRTY_DAYS)])
    error = z3.Int("error")
    recent = Look(later, *ints("recent_later ahead_later far_later"))
    places = PLACES + [recent.recent]
    state = ANY_POLICY + list(invariant(LANE, SINCE, places)) + list(rules.is_look(recent, LANE, places))
    most = [z3.Implies(And(LANE.first <= a, a < LANE.next), LANE.at(a) <= now + error) for a in places]
    yield prove("what is dated ahead by an error of at most thirty days weighs nothing thirty days after it",
                state + most + [within(error, (0, THIRTY_DAYS)), later >= now + error + THIRTY_DAYS],
                [rules.weigh(LANE, recent) == 0])
    then = rules.make_room(LANE, LOOK)
    yield prove("what was further ahead weighs nothing thirty days after it was dated back",
                ANY_STATE + looks(rules) + [LOOK.ahead == LOOK.far, then.first <= i, i < then.next],
                [Not(rules.is_recent(then.at(i), now + THIRTY_DAYS))])
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


class ForgetsTheFuture(Rules):
    def is_recent(self, at, now):
        return And(at <= now, at + THIRTY_DAYS > now)


class SucceedsAndForgives(Rules):
    def succeed(self, lane):
        return super().succeed(lane)._replace(first=lane.next)


class DropsWhatIsOver(Rules):
    """As it was once: one write by a clock that is ahead takes what the right one still counts."""

    def make_room(self, lane, look):
        return super().make_room(lane._replace(first=look.recent), look)


class MakesRoomForOne(Rules):
    room = 1


class IsNotDatedBack(Rules):
    def dated_back(self, now):
        return now + THIRTY_DAYS + 1


class RefusesAndWritesNothing(Rules):
    def refuse(self, lane, look):
        return lane


class LooksAtTheFirst(Rules):
    def is_ahead(self, lane, now):
        return And(lane.first < lane.next, self.is_far(lane.at(lane.first), now))


PLANTED = [
    (LeavesASecondEarly, sums),
    (WeighsTheFloor, sums),
    (HasRoomBelowTheLimit, sums),
    (ForgetsTheFuture, sums),
    (SucceedsAndForgives, sums),
    (DropsWhatIsOver, wrong_clocks),
    (MakesRoomForOne, sums),
    (IsNotDatedBack, ends),
    (RefusesAndWritesNothing, ends),
    (LooksAtTheFirst, ends),
]
# What the steps of the model say of lists, as the Rust says it.
LISTS = """
    if *at > now.plus(secs) { *at = now; }
    while list.len() > room {
    let oldest = dates.min_by_key(|(_, at)| *at).map_or(0, |(index, _)| index);
    list.remove(oldest);
    make_room(&mut self.recent, ROOM, THIRTY_DAYS, now, |failure| &mut failure.at);
    self.recent.sort_unstable_by_key(|failure| failure.at);
    self.recent.push(Failure { at: now, weight }); self.make_room(now);
    make_room(&mut self.emptied, ROOM, THIRTY_DAYS, now, |at| at);
    let is_empty = self.unknown.weigh(now) == 0 && self.remembered.weigh(now) == 0;
    self.emptied.iter().filter(|at| at.plus(THIRTY_DAYS) > now).count();
    if is_empty || (!by_operator && emptied >= MOST_EMPTIED) {
    all.any(|failure| failure.at > now.plus(THIRTY_DAYS))
"""
NUMBERS_OF_UNKNOWN = traces.numbers("unknown")


def traced(rules, outcomes):
    """A trace from an empty account with these outcomes, of recommended numbers, that breaks the sum,
    the codes that were guessed at, or the dates; or None."""
    lane, solver = NOTHING_FAILED, z3.Solver()
    charged = codes = forgivings = 0
    most_codes = FOR_ONE * NUMBERS_OF_UNKNOWN.limit
    lines = []
    earliest = z3.Int("earliest")
    places = range(len(outcomes) + 1)

    def settle(lane, name):
        """The same lane with a name for its history, so that the terms stay small."""
        at, before = (z3.Function(f"{of}_{name}", z3.IntSort(), z3.IntSort()) for of in ["at", "before"])
        solver.add(*(at(i) == lane.at(i) for i in places), *(before(i) == lane.before(i) for i in places))
        return lane._replace(at=at, before=before)

    def look(lane, now, name):
        seen = Look(now, *(z3.Int(f"{cut}_{name}") for cut in Look._fields[1:]))
        solver.add(*rules.is_look(seen, lane, places))
        return seen

    for step, outcome in enumerate(outcomes):
        now, acceptable = (z3.Int(f"{name}_{step}") for name in ["now", "acceptable"])
        weight, in_run = rules.weight(acceptable), now < earliest + RUN
        solver.add(within(now, (EARLIEST, LATEST)), within(acceptable, (0, most_codes)), now >= earliest)
        seen = look(lane, now, step)
        opens = rules.gate_is_open(NUMBERS_OF_UNKNOWN, lane, weight, seen)
        if outcome == "fails":
            solver.add(opens)
            lane = settle(rules.make_room(lane, seen), f"made_{step}")
            lane = rules.charge(lane, weight, look(lane, now, f"made_{step}"))
            charged, codes = charged + If(in_run, weight, 0), codes + If(in_run, acceptable, 0)
        elif outcome == "is refused":
            solver.add(Not(opens))
            lane = rules.refuse(lane, seen)
        elif outcome == "succeeds":
            solver.add(opens)
            lane = rules.make_room(rules.succeed(lane), seen)
        else:
            forgivings = forgivings + If(rules.forgives(lane, seen, False), 1, 0)
            lane = rules.make_room(rules.forgive(lane, seen, False), seen)
        lane = settle(lane, step)
        lines.append((now, outcome, acceptable, weight, lane.before(lane.next) - lane.before(lane.first)))
    ahead = [And(lane.first <= i, i < lane.next, lane.at(i) > now + THIRTY_DAYS) for i in places]
    solver.add(z3.Or(
        charged > NUMBERS_OF_UNKNOWN.limit * (1 + forgivings),
        codes > most_codes * (1 + forgivings),
        *(ahead if outcomes[-1] in ["fails", "is refused"] else []),
    ))
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    value = lambda term: model.eval(z3.IntVal(term) if numbers_only(term) else term, True)
    return [f"{value(now)} {outcome}, {value(codes)} codes acceptable, weight {value(weight)}: "
            f"listed {value(weighs)}" for now, outcome, codes, weight, weighs in lines]


def shortest_trace(rules, most=3):
    words = ["fails", "is refused", "succeeds", "is forgiven"]
    for length in range(1, most + 1):
        for outcomes in itertools.product(words, repeat=length - 1):
            # Before the first failure there is nothing that a step could change.
            if trace := traced(rules, ("fails", *outcomes)):
                return trace
    return None


def main():
    for line in LISTS.strip().splitlines():
        arithmetic.in_rust(line.strip())
    assert ROOM > BOUNDS["per_thirty_days"][1] >= BOUNDS["remembered"][1]
    rules = Rules()
    for title, claims in [("the sum", sums(rules)), ("other clocks", wrong_clocks(rules)),
                          ("the ends", ends(rules)), ("both lanes", lanes()),
                          ("the machine's words", arithmetic.claims(prove))]:
        print(f"-- {title}")
        for claim in claims:
            print(f"proved: {claim}", flush=True)
    if trace := shortest_trace(rules):
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
