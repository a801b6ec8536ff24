//! Tries every order in which steps at the same moment can interleave.
//!
//! A step sees the others only through the store, so it is cut at its calls of the store: after each, any
//! other step may go on. A step is pure but for those calls. To bring it to its next call, it is done again
//! from its beginning with the answers that it has had so far. Nothing is written to the store itself.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use countersign::{AccountId, Event, Record, Store, Swap, Write};

use super::expect::Report;
use super::stores::AnyStore;

/// How many different situations are looked at before it is too much.
const MOST: usize = 200_000;

/// Up to this many steps, each is brought through every race that it loses. With more, one that has lost a
/// race goes back to where it was before, because there would be too many situations.
const MOST_REMEMBERED: usize = 4;

/// A step that can be done again and again, over any store, with the same result for the same answers.
pub type Repeatable<'a> = dyn Fn(&AnyStore) -> Report + 'a;

/// One of the steps, and where its store's records are before any of them is done.
pub struct Parallel<'a> {
    pub store: &'a AnyStore,
    /// The number of that store: two steps share a record if this and the account are the same.
    pub place: usize,
    pub step: Box<Repeatable<'a>>,
}

/// Returns every way in which the steps can end together, each once: one report for each step, in the
/// order of the steps. The first is that of the steps one after the other.
///
/// # Errors
/// There are too many orders.
pub fn endings(steps: &[Parallel<'_>]) -> Result<Vec<Vec<Report>>, String> {
    let (mut turns, mut first) = (Turns { steps, known: HashMap::new() }, State::default());
    for place in 0..steps.len() {
        first.turns.push(turns.after(place, &[]));
        first.answers.push(Rc::default());
    }
    let (mut seen, mut waiting, mut endings) = (HashSet::new(), vec![first], Vec::new());
    while let Some(state) = waiting.pop() {
        let open = state.open(steps);
        if open.is_empty() {
            let ending = state.ending();
            if !endings.contains(&ending) {
                endings.push(ending);
            }
        }
        for place in open {
            let next = state.advanced(place, &mut turns);
            if seen.insert(next.key()) {
                waiting.push(next);
            }
        }
        if seen.len() > MOST {
            return Err("too many steps at the same time".to_owned());
        }
    }
    Ok(endings)
}

/// How far the steps come with which answers, each found out once.
struct Turns<'s> {
    steps: &'s [Parallel<'s>],
    known: HashMap<(usize, u64), Turn>,
}

impl Turns<'_> {
    /// Does a step with these answers: what it asks next, or what it came to.
    fn after(&mut self, place: usize, answers: &[Answer]) -> Turn {
        let mut hasher = DefaultHasher::new();
        answers.iter().for_each(|answer| answer.hash(&mut hasher));
        let Some(step) = self.steps.get(place) else { return Turn::Nothing };
        let turn = self.known.entry((place, hasher.finish())).or_insert_with(|| {
            let (given, asked) = (Cell::new(0), RefCell::new(None));
            let script = Script { answers: answers.to_vec(), given, asked };
            let report = (step.step)(&script);
            script.asked.into_inner().unwrap_or(Turn::Over(report))
        });
        turn.clone()
    }
}

/// What the store answered to one call.
#[derive(Clone, Debug)]
enum Answer {
    Loaded(Option<Record>),
    Swapped(Swap),
}

/// What a step waits for.
#[derive(Clone, Debug)]
enum Turn {
    Load(AccountId),
    Swap {
        id: AccountId,
        expected: Option<u64>,
        record: Record,
    },
    Over(Report),
    /// What a store was asked last, before its first answer.
    Nothing,
}

/// A moment between two calls: what is stored, and how far each step is.
#[derive(Clone, Default)]
struct State {
    records: BTreeMap<(usize, AccountId), Option<Record>>,
    answers: Vec<Rc<Vec<Answer>>>,
    turns: Vec<Turn>,
}

impl State {
    /// The steps that can go on, the last first. A write that has lost its race has lost it whatever
    /// the others do, so it goes alone.
    fn open(&self, steps: &[Parallel<'_>]) -> Vec<usize> {
        let lost = |(place, turn): &(usize, &Turn)| match (turn, steps.get(*place)) {
            (Turn::Swap { id, expected, .. }, Some(step)) => {
                let stored = self.records.get(&(step.place, *id));
                stored.is_some_and(|stored| stored.as_ref().map(Record::version) != *expected)
            }
            _ => false,
        };
        if let Some((place, _)) = self.turns.iter().enumerate().find(lost) {
            return vec![place];
        }
        let turns = self.turns.iter().enumerate().rev();
        turns.filter(|(_, turn)| !matches!(turn, Turn::Over(_))).map(|(place, _)| place).collect()
    }

    fn ending(&self) -> Vec<Report> {
        let report = |turn: &Turn| match turn {
            Turn::Over(report) => Some(report.clone()),
            _ => None,
        };
        self.turns.iter().filter_map(report).collect()
    }

    /// The state after one more call of one step.
    fn advanced(&self, place: usize, turns: &mut Turns<'_>) -> State {
        let mut next = self.clone();
        let (Some(step), Some(turn), Some(answers)) =
            (turns.steps.get(place), next.turns.get_mut(place), next.answers.get_mut(place))
        else {
            return next;
        };
        let stored = |id: &AccountId, records: &mut BTreeMap<_, Option<Record>>| {
            let before = || step.store.load(id).unwrap_or_default();
            records.entry((step.place, *id)).or_insert_with(before).clone()
        };
        let answer = match std::mem::replace(turn, Turn::Nothing) {
            Turn::Load(id) => Answer::Loaded(stored(&id, &mut next.records)),
            Turn::Swap { id, expected, record } => {
                let found = stored(&id, &mut next.records);
                let fits = found.as_ref().map(Record::version) == expected;
                if fits {
                    next.records.insert((step.place, id), Some(record));
                }
                Answer::Swapped(if fits { Swap::Stored } else { Swap::Stale })
            }
            over => {
                *turn = over;
                return next;
            }
        };
        let answers = Rc::make_mut(answers);
        if matches!(answer, Answer::Swapped(Swap::Stale)) && turns.steps.len() > MOST_REMEMBERED {
            let stored = |answer: &Answer| matches!(answer, Answer::Swapped(Swap::Stored));
            answers.truncate(
                answers.iter().rposition(stored).map_or(0, |last| last.saturating_add(1)),
            );
        } else {
            answers.push(answer);
        }
        *turn = turns.after(place, answers);
        next
    }

    /// The same for states from which the same can follow.
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (place, stored) in &self.records {
            place.hash(&mut hasher);
            hash_record(stored.as_ref(), &mut hasher);
        }
        for (answers, turn) in self.answers.iter().zip(&self.turns) {
            match turn {
                // How it came to that is of no consequence any more.
                Turn::Over(report) => ("over", report).hash(&mut hasher),
                _ => ("open", answers).hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

impl Hash for Answer {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Answer::Loaded(record) => {
                "loaded".hash(hasher);
                hash_record(record.as_ref(), hasher);
            }
            Answer::Swapped(swap) => ("swapped", *swap == Swap::Stored).hash(hasher),
        }
    }
}

fn hash_record(record: Option<&Record>, hasher: &mut impl Hasher) {
    record.map(|record| (record.version(), record.as_bytes())).hash(hasher);
}

/// A store that gives prepared answers, keeps the first call beyond them, and then fails.
struct Script {
    answers: Vec<Answer>,
    given: Cell<usize>,
    asked: RefCell<Option<Turn>>,
}

impl Script {
    fn answer(&self, call: impl FnOnce() -> Turn) -> Option<Answer> {
        let answer = self.answers.get(self.given.get()).cloned();
        self.given.set(self.given.get().saturating_add(1));
        if answer.is_none() {
            self.asked.borrow_mut().get_or_insert_with(call);
        }
        answer
    }
}

/// No step sees it: its report is thrown away.
const NOT_YET: &str = "the store has not answered yet";

impl Store for Script {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        match self.answer(|| Turn::Load(*id)) {
            Some(Answer::Loaded(record)) => Ok(record),
            _ => Err(NOT_YET.to_owned()),
        }
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let call = || {
            let (expected, record) = (write.expected(), write.record().clone());
            Turn::Swap { id: *id, expected, record }
        };
        match self.answer(call) {
            Some(Answer::Swapped(swap)) => Ok(swap),
            _ => Err(NOT_YET.to_owned()),
        }
    }

    /// Nothing that a step reads depends on it, so no other step comes between.
    fn note(&self, _: &AccountId, _: &[Event]) -> Result<(), String> {
        match self.asked.borrow().is_some() {
            true => Err(NOT_YET.to_owned()),
            false => Ok(()),
        }
    }

    /// The other steps do not move on while it waits.
    fn pause(&self, _: usize) {}
}
