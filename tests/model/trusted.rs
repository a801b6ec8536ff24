//! Trusted browsers against a naive account of them, with an owner whose answers get lost and a thief who
//! copies the cookie and uses whatever was ever seen, over random schedules.
//!
//! The account keeps every token with when it was made and whether it was used; the library keeps a number
//! and a moment. Each answer has to be the same. And beside it, what the two people notice: a token that
//! the thief had a minute before the owner's next visit is worth nothing a minute after it, and whatever
//! ended the trust is told to the owner, who gets in with a code.

use crate::keys::keyring;
use std::sync::Mutex;

use countersign::account::{Bounded, Notice};
use countersign::{
    AccountId, Event, Keyring, MemoryStore, Mfa, Policy, Record, SignIn, Store, Swap, Totp,
    UnixTime, Write,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

const START: u64 = 1_800_000_000;
const DAY: u64 = 86_400;
const LONGEST: u64 = 20 * DAY;

struct Trusting;

impl Policy for Trusting {
    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Bounded::new(LONGEST)
    }
}

/// A store that keeps the events as well.
struct Told(MemoryStore, Mutex<Vec<Notice>>);

impl Store for Told {
    type Error = <MemoryStore as Store>::Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Self::Error> {
        Store::load(&self.0, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Self::Error> {
        let swap = Store::swap(&self.0, id, write)?;
        if matches!(swap, Swap::Stored) {
            self.1.lock().unwrap().extend(write.events().iter().filter_map(Event::notice));
        }
        Ok(swap)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Self::Error> {
        Store::note(&self.0, id, events)
    }
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    /// The owner visits with the cookie; the answer may be lost.
    Owner { lost: bool },
    /// The thief copies the cookie.
    Copy,
    /// The thief visits with one of the tokens that were ever seen.
    Thief { which: usize },
}

fn happenings() -> impl Strategy<Value = Vec<(u64, Happens)>> {
    let gap = prop_oneof![3 => 1..40_u64, 3 => 40..130_u64, 3 => 3_600..3 * DAY];
    let what = prop_oneof![
        4 => prop::bool::weighted(0.3).prop_map(|lost| Happens::Owner { lost }),
        2 => Just(Happens::Copy),
        3 => (0..6_usize).prop_map(|which| Happens::Thief { which }),
    ];
    prop::collection::vec((gap, what), 1..60)
}

/// A token that was handed out.
struct Token {
    text: String,
    made: u64,
    used: bool,
}

/// The naive account of one trust.
struct Naive {
    tokens: Vec<Token>,
    since: u64,
    ended: bool,
    /// How often the newest token was handed out again.
    again: u32,
}

#[derive(Debug, Eq, PartialEq)]
enum Expected {
    NewToken,
    SameAgain,
    No,
    /// With the notice that says so.
    Ends(Notice),
}

impl Naive {
    fn expected(&mut self, text: &str, now: u64) -> Expected {
        let Some(place) = self.tokens.iter().position(|token| token.text == text) else {
            return Expected::No;
        };
        if self.ended || now > self.since + LONGEST {
            return Expected::No;
        }
        let Some(successor) = self.tokens.get(place + 1) else {
            self.tokens[place].used = true;
            self.again = 0;
            return Expected::NewToken;
        };
        if !successor.used && now <= successor.made + 60 {
            self.again += 1;
            return if self.again > 8 { Expected::No } else { Expected::SameAgain };
        }
        let is_theft = successor.used || place + 2 < self.tokens.len();
        self.ended = true;
        Expected::Ends(match is_theft {
            true => Notice::TrustedBrowserCopied,
            false => Notice::BrowserDistrusted,
        })
    }
}

struct Play {
    mfa: Mfa<Keyring, Trusting>,
    store: Told,
    id: AccountId,
    app: Totp,
    naive: Naive,
    now: u64,
}

impl Play {
    fn begin() -> Play {
        let mfa = Mfa::with_policy(keyring(7), Trusting).unwrap();
        let (store, id) =
            (Told(MemoryStore::new(), Mutex::default()), AccountId::new("o").unwrap());
        let mut rng = StdRng::seed_from_u64(1);
        let dana = mfa.account(&id).at(UnixTime::from_secs(START));
        let pending = dana.enrol("phone", &mut rng).run(&store).unwrap();
        let uri = pending.uri("Acme", "owner").unwrap();
        let app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let code = app.generate(UnixTime::from_secs(START)).unwrap();
        let bound = dana.confirm(pending.id(), code.expose_str(), &mut rng).run(&store);
        let proof = bound.accepted().unwrap().into_proof();
        let browser = dana.trust_browser(&proof, &mut rng).run(&store).unwrap();
        let text = browser.expose_token().to_owned();
        let tokens = vec![Token { text, made: START, used: false }];
        let naive = Naive { tokens, since: START, ended: false, again: 0 };
        store.1.lock().unwrap().clear();
        Play { mfa, store, id, app, naive, now: START }
    }

    /// Visits, and compares. Returns the next token.
    fn visit(&mut self, token: &str) -> Option<String> {
        let visit = self.mfa.account(&self.id).at(UnixTime::from_secs(self.now)).visit(token);
        let next = visit.run(&self.store).decided().unwrap().accepted();
        let next = next.map(|(_, next)| next.expose_token().to_owned());
        let told: Vec<Notice> = std::mem::take(&mut *self.store.1.lock().unwrap());
        match (self.naive.expected(token, self.now), &next) {
            (Expected::NewToken, Some(text)) => {
                assert!(self.naive.tokens.iter().all(|token| token.text != *text));
                let token = Token { text: text.clone(), made: self.now, used: false };
                self.naive.tokens.push(token);
                assert_eq!(told, []);
            }
            (Expected::SameAgain, Some(text)) => {
                assert_eq!(self.naive.tokens.last().map(|token| &token.text), Some(text));
                assert_eq!(told, []);
            }
            (Expected::No, None) => assert_eq!(told, []),
            (Expected::Ends(notice), None) => assert_eq!(told, [notice]),
            (expected, found) => panic!("{expected:?}, and it was {found:?}"),
        }
        next
    }

    fn owner_gets_in_with_a_code(&self) {
        let at = UnixTime::from_secs(self.now);
        let code = self.app.generate(at).unwrap();
        let verify = self.mfa.account(&self.id).at(at).verify(code.expose_str(), SignIn);
        assert!(verify.run(&self.store).accepted().is_some());
    }
}

fn play(schedule: &[(u64, Happens)]) -> [usize; 4] {
    let mut play = Play::begin();
    let mut cookie = play.naive.tokens[0].text.clone();
    // What the thief has, and since when; and when the owner came last.
    let mut seen: Vec<(String, u64)> = Vec::new();
    let (mut last_visit, mut tally, mut thief_was_in) = (START, [0; 4], false);
    for (gap, what) in schedule {
        play.now += gap;
        match what {
            Happens::Owner { lost } => {
                let ended = play.naive.ended;
                match play.visit(&cookie) {
                    Some(next) if !lost => cookie = next,
                    Some(_) => {}
                    None if !ended && play.naive.ended => tally[0] += usize::from(thief_was_in),
                    None => {}
                }
                last_visit = play.now;
                tally[1] += 1;
            }
            Happens::Copy => seen.push((cookie.clone(), play.now)),
            Happens::Thief { which } => {
                let place = seen.len().checked_sub(1 + which % seen.len().max(1));
                let Some((token, since)) = place.and_then(|place| seen.get(place).cloned()) else {
                    continue;
                };
                let is_over = since + 60 < last_visit && last_visit + 60 < play.now;
                if let Some(next) = play.visit(&token) {
                    assert!(!is_over, "an old token let the thief in");
                    seen.push((next, play.now));
                    thief_was_in = true;
                    tally[2] += 1;
                }
            }
        }
    }
    play.now += 3 * DAY;
    play.owner_gets_in_with_a_code();
    tally[3] += usize::from(play.naive.ended);
    tally
}

/// Guards every arm of `Trusted::show`.
#[test]
fn an_old_token_is_worth_nothing_after_the_owners_visit() {
    let tally = Mutex::new([0; 4]);
    crate::runner(400)
        .run(&happenings(), |schedule| {
            let one = play(&schedule);
            let mut all = tally.lock().unwrap();
            for (sum, one) in all.iter_mut().zip(one) {
                *sum += one;
            }
            Ok(())
        })
        .unwrap();
    let tally = tally.into_inner().unwrap();
    assert!(tally.iter().all(|count| *count > 50), "a play in which nothing happens: {tally:?}");
}
