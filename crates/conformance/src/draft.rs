//! The records that the kit writes: each names its account, its version and its writer.
//!
//! Standard: none.
//!
//! Knows no handle.

use countersign::account::{Event, EventId, EventKind, RejectionReason};
use countersign::{AccountId, Record, Summary, UnixTime, Write};

use crate::{CROWD, Sentence};

pub(crate) const PANICKED: &str =
    "the store panicked: return an error, so that the host can answer";

pub(crate) const NEVER_ENDS: &str = "swap went on answering Stale although every other writer had time to \
                          finish: compare with the version that is stored now";

pub(crate) fn id_of(bytes: impl AsRef<[u8]>) -> Result<AccountId, Sentence> {
    AccountId::new(bytes).map_err(|error| format!("{error}"))
}

/// A write, with everything that it borrows.
pub(crate) struct Draft {
    pub(crate) expected: Option<u64>,
    pub(crate) record: Record,
    summary: Summary,
    events: Vec<Event>,
}

impl Draft {
    pub(crate) fn new(id: &AccountId, expected: Option<u64>, record: Record) -> Draft {
        let version = record.version();
        let kind = EventKind::Rejected(RejectionReason::WrongCode);
        let mut event = Event::new(*id, UnixTime::from_secs(1_800_000_000), kind);
        event.id = Some(EventId { account: *id, version, index: 0 });
        let events = Vec::from([event]);
        Draft { expected, record, summary: Summary::default(), events }
    }

    pub(crate) fn write(&self) -> Write<'_> {
        Write::new(self.expected, &self.record, &self.summary, &self.events)
    }
}

/// What `writer` stores under `version`: its own name and every byte value, so that a record that is
/// half of one write and half of another is seen.
pub(crate) fn record_of(id: &AccountId, version: u64, writer: usize) -> Record {
    let mut bytes = format!("{id} {version} {writer} ").into_bytes();
    bytes.extend(0..=u8::MAX);
    bytes.extend_from_slice(format!(" {version} {writer}").as_bytes());
    Record::new(version, bytes)
}

/// Whether the kit wrote exactly this record to exactly this account.
pub(crate) fn is_whole(id: &AccountId, record: &Record) -> bool {
    (0..CROWD).any(|writer| record_of(id, record.version(), writer) == *record)
}

/// The write that follows on what was loaded.
pub(crate) fn successor(
    id: &AccountId,
    loaded: Option<Record>,
    writer: usize,
) -> Result<Draft, Sentence> {
    let Some(loaded) = loaded else {
        return Err(
            "load found no record of an account that was created: nothing removes one".into()
        );
    };
    if !is_whole(id, &loaded) {
        return Err(format!(
            "load returned bytes that nobody wrote under version {}: read the version and the \
             bytes in one statement",
            loaded.version()
        ));
    }
    let version = loaded.version();
    Ok(Draft::new(id, Some(version), record_of(id, next(version), writer)))
}

pub(crate) fn next(version: u64) -> u64 {
    version.saturating_add(1)
}
