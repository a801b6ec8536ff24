//! Runs a scenario, line by line, and says what came of each step.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

use countersign::account::SealingKey;
use countersign::{Keyring, Mfa};
use sha2::{Digest, Sha256};

use super::devices::{Device, Phone, Token};
use super::doing::{Doing, Library, Numbers, moment};
use super::expect::{Expectation, Report};
use super::known::Known;
use super::script::{Code, Held, Line, Printed, Rules, Step, Verb};
use super::stores::{AnyStore, Place, Recorder};
use super::together::{Parallel, endings};

/// What was printed, and whether every step came out as expected.
pub struct Ran {
    pub printed: String,
    pub as_expected: bool,
}

/// Runs the lines over empty stores.
///
/// # Errors
/// The line that cannot be run, and why: a store that cannot be opened, or too many steps at once.
pub fn run(lines: &[Line], place: &Place) -> Result<Ran, (usize, String)> {
    let mut world = World::new(place).map_err(|complaint| (0, complaint))?;
    let mut block: Option<Vec<Placed>> = None;
    for line in lines {
        match (line, &mut block) {
            (Line::Step(step), Some(block)) => block.push(world.placed(step, true)),
            (Line::Step(step), None) => {
                let placed = world.placed(step, false);
                world.alone(&placed);
            }
            (Line::SameTime, _) => block = Some(Vec::new()),
            (Line::Together, _) => {
                if let Some(steps) = block.take() {
                    world.together(&steps)?;
                }
            }
            (directive, _) => world.turn(directive).map_err(|complaint| (0, complaint))?,
        }
    }
    let World { mut printed, good, bad, .. } = world;
    let steps = good.saturating_add(bad);
    let _ = writeln!(printed, "{steps} steps, {good} as expected, {bad} not");
    Ok(Ran { printed, as_expected: bad == 0 })
}

/// The stores, the deployment that the next step meets, and what is printed so far.
struct World<'p> {
    place: &'p Place,
    stores: Vec<Box<AnyStore>>,
    names: HashMap<String, usize>,
    store: usize,
    mfa: Rc<Library>,
    keys: Vec<String>,
    numbers: Numbers,
    known: Known,
    printed: String,
    good: usize,
    bad: usize,
}

/// A step, and the deployment that it meets.
struct Placed {
    step: Step,
    store: usize,
    mfa: Rc<Library>,
}

impl World<'_> {
    fn new(place: &Place) -> Result<World<'_>, String> {
        Ok(World {
            place,
            stores: vec![place.empty(1)?],
            names: HashMap::from([("main".to_owned(), 0)]),
            store: 0,
            mfa: library(&[], Numbers::default())?,
            keys: Vec::new(),
            numbers: Numbers::default(),
            known: Known::default(),
            printed: String::new(),
            good: 0,
            bad: 0,
        })
    }

    /// What a directive changes.
    fn turn(&mut self, line: &Line) -> Result<(), String> {
        match line.clone() {
            Line::Phone { name, secret, parameters } => {
                let phone = Phone { secret, parameters, skew: 0 };
                self.known.devices.insert(name, Device::Phone(phone));
            }
            Line::Token { name, secret, algorithm, digits, counter } => {
                let token = Token { secret, algorithm, digits, first: counter, next: counter };
                self.known.devices.insert(name, Device::Token(token));
            }
            Line::Skew { name, secs } => {
                if let Some(Device::Phone(phone)) = self.known.devices.get_mut(&name) {
                    phone.skew = secs;
                }
            }
            Line::Press { name, times } => {
                if let Some(Device::Token(token)) = self.known.devices.get_mut(&name) {
                    token.next = token.next.saturating_add(times);
                }
            }
            Line::Store(name) => {
                self.store = match self.names.get(&name) {
                    Some(known) => *known,
                    None => {
                        let number = self.stores.len();
                        self.stores.push(self.place.empty(number.saturating_add(1))?);
                        self.names.insert(name, number);
                        number
                    }
                };
            }
            Line::Keys(names) => {
                self.keys = names;
                self.mfa = library(&self.keys, self.numbers)?;
            }
            Line::Policy(Rules { invited, trusted }) => {
                self.numbers.invited = invited.unwrap_or(self.numbers.invited);
                self.numbers.trusted = trusted.unwrap_or(self.numbers.trusted);
                self.mfa = library(&self.keys, self.numbers)?;
            }
            Line::SameTime | Line::Together | Line::Step(_) => {}
        }
        Ok(())
    }

    /// The step where it is done. Among steps at the same time each code is read off before the first of
    /// them is done: a token shows every code once, whatever the order.
    fn placed(&mut self, step: &Step, read_off: bool) -> Placed {
        let mut step = step.clone();
        if read_off {
            let now = moment(step.at);
            step.verb.each_code(&mut |code| {
                // A label may name the enrolment that the code was sent for, so it stays.
                if !matches!(code, Code::Sent(_)) {
                    *code = Code::Text(self.known.code(code, now));
                }
            });
            if let Verb::Visit(token) = &mut step.verb {
                let text = self.known.token(token);
                *token = Held::Text(token.browser().to_owned(), text);
            }
            let (own, store) = (step.id, self.store);
            if let Some((code, operator)) = step.verb.printed() {
                let text = self.known.printed(code, store, operator.unwrap_or(own));
                *code = Printed::Text(text);
            }
        }
        Placed { step, store: self.store, mfa: Rc::clone(&self.mfa) }
    }

    /// Does one step.
    fn alone(&mut self, placed: &Placed) {
        let Some(store) = self.stores.get(placed.store) else { return };
        let report = placed.done(&**store, &mut self.known);
        self.print(&placed.step, &[&report]);
    }

    /// Every way in which steps at the same time can end.
    fn endings(&self, steps: &[Placed]) -> Result<Vec<Vec<Report>>, (usize, String)> {
        let parallel = steps.iter().filter_map(|placed| {
            let (store, place) = (&**self.stores.get(placed.store)?, placed.store);
            let step = Box::new(|store: &AnyStore| placed.done(store, &mut self.known.clone()));
            Some(Parallel { store, place, step })
        });
        let line = steps.first().map_or(0, |placed| placed.step.line);
        endings(&parallel.collect::<Vec<_>>()).map_err(|complaint| (line, complaint))
    }

    /// Does steps at the same time: in every order on the side, and then one after the other.
    fn together(&mut self, steps: &[Placed]) -> Result<(), (usize, String)> {
        let endings = self.endings(steps)?;
        for (place, placed) in steps.iter().enumerate() {
            if let Some(store) = self.stores.get(placed.store) {
                placed.done(&**store, &mut self.known);
            }
            let mut reports: Vec<&Report> = Vec::new();
            for report in endings.iter().filter_map(|ending| ending.get(place)) {
                if !reports.contains(&report) {
                    reports.push(report);
                }
            }
            self.print(&placed.step, &reports);
        }
        Ok(())
    }

    /// Prints a step with everything that can come of it. It is as expected if all of that is.
    fn print(&mut self, step: &Step, reports: &[&Report]) {
        let Step { line, at, person, word, expected, .. } = step;
        let expected: Option<&Expectation> = expected.as_ref();
        let mut outcomes: Vec<String> = Vec::new();
        for report in reports {
            let shown = report.show(expected);
            if !outcomes.contains(&shown) {
                outcomes.push(shown);
            }
        }
        let outcomes = outcomes.join(" | ");
        let _ = write!(self.printed, "{line} {at} {person} {word}: {outcomes}");
        let failed = expected.filter(|expected| !reports.iter().all(|one| expected.holds(one)));
        match failed {
            Some(expected) => {
                self.bad = self.bad.saturating_add(1);
                let _ = writeln!(self.printed, " EXPECTED {expected}");
            }
            None => {
                self.good = self.good.saturating_add(1);
                self.printed.push('\n');
            }
        }
    }
}

impl Placed {
    fn done(&self, store: &AnyStore, known: &mut Known) -> Report {
        let recorder = Recorder::new(store);
        let Placed { step, store: place, mfa } = self;
        let doing = Doing { mfa, store: &recorder, place: *place, known, step };
        let outcome = doing.outcome();
        recorder.report(outcome)
    }
}

/// The deployment with these keys, the newest first. The key before the first `keys` has a name that no
/// line can give.
fn library(names: &[String], numbers: Numbers) -> Result<Rc<Library>, String> {
    let mut names = names.iter();
    let newest = key(names.next().map_or("", String::as_str))?;
    let keys = Keyring::new("scenario", newest).map_err(|error| error.to_string())?;
    let keys = names.try_fold(keys, |keys, older| Ok::<_, String>(keys.opening_older(key(older)?)));
    let mfa = Mfa::with_policy(keys?, numbers);
    mfa.map(Rc::new).map_err(|error| error.to_string())
}

/// A name is its key.
fn key(name: &str) -> Result<SealingKey, String> {
    let key = Sha256::new().chain_update(b"countersign scenario key ").chain_update(name);
    SealingKey::new(&key.finalize()).map_err(|error| format!("the key {name}: {error}"))
}
