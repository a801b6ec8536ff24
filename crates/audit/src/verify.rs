//! A reader of trails that says what is missing, twice, changed or moved.
//!
//! Standard: 45 CFR 164.312(c) (integrity), ASVS 16.4.2 (logs are protected from change).
//!
//! Each write of an account has the next version and at least one event, so the places of its events are
//! 1:0, perhaps 1:1, 2:0 and so on. A file alone cannot say that its end was cut off: the versions of the
//! stored records can, or the last hash.

use std::collections::BTreeMap;
use std::fmt;

use countersign::{AccountId, Event};

use crate::chain::{Chain, LineHash, linked};
use crate::line::{LineError, Parsed, parsed, to_line};

/// Where the trail of one account begins or ends.
/// ```
/// use countersign::Record;
/// use countersign_audit::Mark;
/// // What the database says today.
/// let record = Record::new(7, vec![]);
/// let mark = Mark { version: record.version(), hash: None };
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    /// The version of the record, or of the last event.
    pub version: u64,
    /// The hash of the last line, if it is known.
    pub hash: Option<LineHash>,
}

/// Reads a trail line by line. Its memory grows with the number of accounts, not of lines.
/// ```
/// use countersign::account::{EventId, EventKind};
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::{Mark, Verifier, to_line};
/// let (account, at) = (AccountId::new("42")?, UnixTime::from_secs(1_800_000_000));
/// let mut event = Event::new(account, at, EventKind::RecoveryCodesSeen);
/// event.id = Some(EventId { account, version: 2, index: 0 });
/// let mut verifier = Verifier::new();
/// verifier.ends_at(account, Mark { version: 3, hash: None }); // as the store has it
/// let found = verifier.line(&to_line(&event));
/// assert_eq!(found[0].to_string(), "line 1, account 3432: 1:0 is missing before 2:0");
/// let found = verifier.finish();
/// assert_eq!(found[0].to_string(), "account 3432: the trail ends at version 2, the record has 3");
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[derive(Debug, Default)]
pub struct Verifier {
    needs_chain: bool,
    lines: u64,
    accounts: BTreeMap<AccountId, Known>,
    ends: BTreeMap<AccountId, Mark>,
}

/// The version and the index of an event.
type Place = (u64, u16);

#[derive(Debug)]
struct Known {
    last: Place,
    /// `None` if the trail begins behind a line whose hash is not known.
    hash: Option<LineHash>,
    is_chained: bool,
    /// Between which places some are missing: the newest of them.
    holes: Vec<(Place, Place)>,
}

/// How many holes of an account are remembered, to call what fills one "moved" and not "double".
const MAX_HOLES: usize = 16;

/// Before the first place, 1:0.
const NOTHING: Place = (0, u16::MAX);

impl Default for Known {
    fn default() -> Known {
        Known { last: NOTHING, hash: Some(LineHash::START), is_chained: false, holes: Vec::new() }
    }
}

/// Something that is wrong with a trail. Prints as one sentence.
/// ```
/// use countersign_audit::Verifier;
/// let found = Verifier::new().line("torn off: {\"v\":1,");
/// assert_eq!(found[0].to_string(), "line 1: the line is not one JSON object");
/// ```
#[derive(Debug)]
pub struct Finding {
    /// The number of the line, from 1; `None` at the end.
    pub line: Option<u64>,
    /// Whose trail; `None` if the line could not be read.
    pub account: Option<AccountId>,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a trail. Places are a version and an index.
/// ```
/// use countersign_audit::{Finding, What};
/// // What cannot be an accident of the pipeline.
/// fn is_tampering(finding: &Finding) -> bool {
///     matches!(finding.what, What::Edited | What::Detached | What::OtherEnd)
/// }
/// # let double = What::Double { place: (1, 0) };
/// # assert!(!is_tampering(&Finding { line: Some(1), account: None, what: double }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // a variant says what its fields are
pub enum What {
    /// The line was not read.
    Unreadable(LineError),
    /// The line has another spelling than the library's: it was written anew, or a member is in it twice.
    Respelt,
    /// Places are missing before `found`, from `expected` on.
    Hole { expected: (u64, u16), found: (u64, u16) },
    /// The place was there before.
    Double { place: (u64, u16) },
    /// The line belongs before one that was there already.
    Moved { place: (u64, u16), last: (u64, u16) },
    /// The line is not the one that its hash was made of.
    Edited,
    /// It does not follow the line before it of this account: one was removed, added or moved.
    Detached,
    /// The line has no hash, and needs one.
    Unchained,
    /// The trail ends before the record does.
    CutOff { last: u64, recorded: u64 },
    /// The record is older than the trail: it was put back.
    RecordBehind { last: u64, recorded: u64 },
    /// The last line is not the one with this hash.
    OtherEnd,
}

impl Verifier {
    /// A verifier of places, and of hashes where a line has them.
    #[must_use]
    pub fn new() -> Verifier {
        Verifier::default()
    }

    /// A verifier of a trail that a [`Chain`] wrote: a line without a hash is a finding.
    #[must_use]
    pub fn chained() -> Verifier {
        Verifier { needs_chain: true, ..Verifier::default() }
    }

    /// Says that the trail begins behind this mark, as after the file was rotated.
    pub fn begins_after(&mut self, account: AccountId, mark: Mark) {
        let (last, is_chained) = ((mark.version, u16::MAX), mark.hash.is_some());
        let known = Known { last, hash: mark.hash, is_chained, ..Known::default() };
        self.accounts.insert(account, known);
    }

    /// Says with which version, and after which line, the trail has to end: from the record's version
    /// in the store, or the mark that was kept elsewhere.
    pub fn ends_at(&mut self, account: AccountId, mark: Mark) {
        self.ends.insert(account, mark);
    }

    /// Reads the next line, without its line break, and returns what is wrong with it.
    pub fn line(&mut self, line: &str) -> Vec<Finding> {
        self.lines = self.lines.saturating_add(1);
        let number = Some(self.lines);
        let Parsed { event, prev, hash } = match parsed(line) {
            Ok(parsed) => parsed,
            Err(error) => {
                return vec![Finding {
                    line: number,
                    account: None,
                    what: What::Unreadable(error),
                }];
            }
        };
        let known = self.accounts.entry(event.account).or_default();
        let mut wrong = Vec::new();
        let spelling = match (prev, hash) {
            (Some(prev), Some(hash)) => {
                wrong.extend(known.follow(prev, hash, linked(&event, prev).1));
                // With the line's own hash: a wrong one is a finding already.
                linked_as(&event, prev, hash)
            }
            _ => {
                if self.needs_chain || known.is_chained {
                    wrong.push(What::Unchained);
                }
                to_line(&event)
            }
        };
        if spelling != line {
            wrong.push(What::Respelt);
        }
        wrong.extend(event.id.and_then(|id| known.take((id.version, id.index))));
        let account = Some(event.account);
        wrong.into_iter().map(|what| Finding { line: number, account, what }).collect()
    }

    /// Returns what is missing at the end, of the accounts whose end is known.
    pub fn finish(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for (account, end) in &self.ends {
            let known = self.accounts.get(account);
            let last = known.map_or(0, |known| known.last.0);
            let recorded = end.version;
            let what = match last.cmp(&recorded) {
                std::cmp::Ordering::Less => What::CutOff { last, recorded },
                std::cmp::Ordering::Greater => What::RecordBehind { last, recorded },
                std::cmp::Ordering::Equal => {
                    let hash = known.map_or(Some(LineHash::START), |known| known.hash);
                    match end.hash {
                        Some(end) if hash != Some(end) => What::OtherEnd,
                        _ => continue,
                    }
                }
            };
            found.push(Finding { line: None, account: Some(*account), what });
        }
        found
    }

    /// Where each account's trail ends, to be kept where an attacker on the file does not write, and for
    /// the next file.
    pub fn marks(&self) -> impl Iterator<Item = (AccountId, Mark)> + '_ {
        self.accounts.iter().map(|(account, known)| {
            let hash = known.hash.filter(|_| known.is_chained);
            (*account, Mark { version: known.last.0, hash })
        })
    }

    /// A chain that goes on behind the last line, as a writer does after a restart.
    #[must_use]
    pub fn into_chain(self) -> Chain {
        let mut chain = Chain::default();
        for (account, mark) in self.marks() {
            chain.resume(account, mark.hash.unwrap_or(LineHash::START));
        }
        chain
    }
}

fn linked_as(event: &Event, prev: LineHash, hash: LineHash) -> String {
    let (line, made) = linked(event, prev);
    if made == hash { line } else { line.replace(&made.to_string(), &hash.to_string()) }
}

impl Known {
    fn follow(&mut self, prev: LineHash, hash: LineHash, made: LineHash) -> Vec<What> {
        let mut wrong = Vec::new();
        if hash != made {
            wrong.push(What::Edited);
        }
        if self.hash.is_some_and(|last| last != prev) {
            wrong.push(What::Detached);
        }
        // From here on as the line says: one line that was changed is one finding or two.
        (self.hash, self.is_chained) = (Some(hash), true);
        wrong
    }

    fn take(&mut self, place: Place) -> Option<What> {
        let last = self.last;
        if place <= last {
            let fills = |(from, to): &(Place, Place)| *from <= place && place < *to;
            let was_missing = last != place && self.holes.iter().any(fills);
            let moved = What::Moved { place, last };
            return Some(if was_missing { moved } else { What::Double { place } });
        }
        self.last = place;
        let next_version = (last.0.saturating_add(1), 0);
        let next = last.1.checked_add(1).map(|index| (last.0, index));
        if place == next_version || Some(place) == next {
            return None;
        }
        let expected = if place.0 == last.0 { next.unwrap_or(next_version) } else { next_version };
        if self.holes.len() >= MAX_HOLES {
            self.holes.remove(0);
        }
        self.holes.push((expected, place));
        Some(What::Hole { expected, found: place })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}{}", if self.account.is_some() { ", " } else { ": " })?;
        }
        if let Some(account) = self.account {
            write!(f, "account {account}: ")?;
        }
        self.what.fmt(f)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Unreadable(error) => error.fmt(f),
            What::Respelt => f.write_str("the line has another spelling than the library's"),
            What::Hole { expected: (version, index), found } => {
                write!(f, "{version}:{index} is missing before {}:{}", found.0, found.1)
            }
            What::Double { place } => write!(f, "{}:{} is there again", place.0, place.1),
            What::Moved { place, last } => {
                write!(f, "{}:{} comes after {}:{}", place.0, place.1, last.0, last.1)
            }
            What::Edited => f.write_str("the line was changed: its hash is of another"),
            What::Detached => f.write_str("the line does not follow the one before it"),
            What::Unchained => f.write_str("the line has no hash"),
            What::CutOff { last, recorded } => {
                write!(f, "the trail ends at version {last}, the record has {recorded}")
            }
            What::RecordBehind { last, recorded } => {
                write!(f, "the record has version {recorded}, older than the trail's {last}")
            }
            What::OtherEnd => f.write_str("the last line has another hash than was kept"),
        }
    }
}
