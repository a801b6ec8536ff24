//! A chain of hashes over the lines of each account.
//!
//! Standard: FIPS 180-4 (SHA-256).
//!
//! A hash takes no key: an attacker who rewrites the whole file rewrites its hashes too. Keep the last one
//! of each account, or of the file, where that attacker does not write.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use countersign::{AccountId, Event};
use sha2::{Digest, Sha256};

use crate::line::open_line;

/// The hash of one line and, through it, of every line of its account before it.
/// ```
/// use countersign_audit::LineHash;
/// // Kept beside the file, as text, and read back for the verifier.
/// assert_eq!(LineHash::START.to_string().parse(), Ok(LineHash::START));
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct LineHash([u8; 32]);

impl LineHash {
    /// What the first line of an account follows.
    pub const START: LineHash = LineHash([0; 32]);
}

impl fmt::Display for LineHash {
    /// In hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineHash({self})")
    }
}

/// The text is not a hash: 64 hexadecimal digits in lower case.
/// ```
/// use countersign_audit::{LineHash, LineHashError};
/// assert_eq!("1f".parse::<LineHash>(), Err(LineHashError));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineHashError;

impl fmt::Display for LineHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the hash of a line is 64 hexadecimal digits in lower case")
    }
}

impl std::error::Error for LineHashError {}

impl FromStr for LineHash {
    type Err = LineHashError;

    /// Reads what `Display` prints.
    fn from_str(text: &str) -> Result<LineHash, LineHashError> {
        let mut hash = [0; 32];
        let (pairs, odd) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != hash.len() || !odd.is_empty() {
            return Err(LineHashError);
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' | b'a'..=b'f' => char::from(byte).to_digit(16),
            _ => None,
        };
        for (place, [high, low]) in hash.iter_mut().zip(pairs) {
            let (high, low) = digit(*high).zip(digit(*low)).ok_or(LineHashError)?;
            *place = u8::try_from(high.wrapping_shl(4) | low).map_err(|_| LineHashError)?;
        }
        Ok(LineHash(hash))
    }
}

/// Writes lines that follow each other: each has the hash of the line before it of the same account
/// (`prev`) and of itself (`hash`), so that a line that was changed, removed or moved shows.
///
/// One chain writes a file, and takes each account's events in their order. After a restart it goes on
/// from [`Verifier::into_chain`](crate::Verifier::into_chain).
/// ```
/// use countersign::account::EventKind;
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::{Chain, Verifier};
/// let (id, at) = (AccountId::new("42")?, UnixTime::from_secs(1_800_000_000));
/// let waiting = Event::new(id, at, EventKind::Malformed);
/// let mut chain = Chain::default();
/// let file = [chain.line(&waiting), chain.line(&waiting)];
/// let mut verifier = Verifier::chained();
/// assert!(verifier.line(&file[1]).len() == 1); // the line before it is missing
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Chain {
    last: BTreeMap<AccountId, LineHash>,
}

impl Chain {
    /// Writes the next line of the event's account.
    pub fn line(&mut self, event: &Event) -> String {
        let prev = self.last.entry(event.account).or_insert(LineHash::START);
        let (line, hash) = linked(event, *prev);
        *prev = hash;
        line
    }

    /// Goes on behind the line with this hash, as a host keeps it in a column of its own.
    pub fn resume(&mut self, account: AccountId, last: LineHash) {
        self.last.insert(account, last);
    }
}

/// The line that follows the one with the hash `prev`, and its hash: SHA-256 over the line as it would be
/// without its member `hash`.
pub(crate) fn linked(event: &Event, prev: LineHash) -> (String, LineHash) {
    let mut line = open_line(event);
    line.push_str(&format!(",\"prev\":\"{prev}\""));
    let hash = LineHash(Sha256::new().chain_update(&line).chain_update("}").finalize().into());
    line.push_str(&format!(",\"hash\":\"{hash}\"}}"));
    (line, hash)
}
