//! What a record holds, as CBOR: one list of fields for each type, for writing and reading alike.
//!
//! Standard: RFC 8949 (CBOR).
//!
//! A struct is an array of its fields, in the order of its list below; an enum is an array of its
//! number and its fields. A field that is added goes to the end of its list, behind `later`: a record
//! from before reads it as its default. Nothing is ever removed or moved. Does not seal: `record`
//! does.

use alloc::{boxed::Box, vec::Vec};
use core::convert::Infallible;

use minicbor::decode::Error as CborError;
use minicbor::{Decoder, Encoder};
use zeroize::Zeroize;

use crate::account::browser::Browser;
use crate::account::carried::Session;
use crate::account::challenge::{
    ChallengeId, PhoneNumber, SentCode, SentText, Used, UsedChallenge,
};
use crate::account::device::{Device, Factor};
use crate::account::former::FormerSecret;
use crate::account::id::{AccountId, BrowserId, DeviceId};
use crate::account::pass::StoredPass;
use crate::account::proof::{AnyPurpose, Proven};
use crate::account::recovery::{OldSet, Recovery, RecoverySet, StoredCode};
use crate::account::state::{Account, LastConfirmed, Pending, Texts};
use crate::account::summary::{DeviceStatus, Method, PassKind};
use crate::account::throttle::{Budget, Failure, Failures};
use crate::account::trusted::Trusted;
use crate::otp::{Algorithm, Digits, Parameters, Period, Secret};
use crate::text::Text;
use crate::time::UnixTime;

/// The format that this release writes; it reads the older ones and refuses newer ones. Raised with
/// every field behind `later`, so that a release from before does not take the record for damaged.
pub(crate) const FORMAT: u8 = 1;

pub(crate) fn write<T: Stored>(value: &T) -> Result<Plaintext, Malformed> {
    let mut plaintext = Plaintext(Vec::with_capacity(Plaintext::USUAL_LEN));
    value.write(&mut Encoder::new(&mut plaintext)).map_err(|_| Malformed)?;
    Ok(plaintext)
}

/// Reads a value, of which nothing may be left over.
pub(crate) fn read<T: Stored>(plaintext: &[u8]) -> Result<T, Malformed> {
    let mut decoder = Decoder::new(plaintext);
    let value = T::read(&mut decoder).map_err(|_| Malformed)?;
    if decoder.position() == plaintext.len() { Ok(value) } else { Err(Malformed) }
}

#[derive(Debug)]
pub(crate) struct Malformed;

type Writer<'p> = Encoder<&'p mut Plaintext>;
type Written = Result<(), minicbor::encode::Error<Infallible>>;
type Read<T> = Result<T, CborError>;

pub(crate) trait Stored: Sized {
    /// How many a list of these may hold.
    const MOST: u64 = 64;

    fn write(&self, e: &mut Writer<'_>) -> Written;

    fn read(d: &mut Decoder<'_>) -> Read<Self>;
}

fn nonsense() -> CborError {
    CborError::message("out of range")
}

/// The first byte of a number, of an array and of what is absent (RFC 8949 section 3).
const NUMBER: u8 = 0x00;
const ARRAY: u8 = 0x80;
const NULL: u8 = 0xf6;

/// Most of a record is one byte: a number below 24, an array of a few. Those go straight into the
/// plaintext, because a call of the encoder for each of them is half of the writing.
#[inline(always)]
fn write_head(e: &mut Writer<'_>, kind: u8, argument: u64) -> Written {
    match argument {
        small @ 0..24 => e.writer_mut().push(kind | small as u8),
        array if kind == ARRAY => e.array(array).map(drop)?,
        number => e.u64(number).map(drop)?,
    }
    Ok(())
}

#[inline(always)]
fn read_head(d: &mut Decoder<'_>, kind: u8) -> Read<u64> {
    let at = d.position();
    match d.input().get(at).map(|byte| byte.wrapping_sub(kind)) {
        Some(small @ 0..24) => {
            d.set_position(at.saturating_add(1));
            Ok(small.into())
        }
        _ if kind == ARRAY => d.array()?.ok_or_else(nonsense),
        _ => d.u64(),
    }
}

fn read_number<T: TryFrom<u64>>(d: &mut Decoder<'_>) -> Read<T> {
    T::try_from(read_head(d, NUMBER)?).map_err(|_| nonsense())
}

/// The fields of a struct. A field that is in neither list does not compile.
macro_rules! fields {
    ($name:ident { $($field:ident),* } later { $($later:ident),* } $(not stored { $($unstored:ident: $value:expr),* })?) => {
        impl Stored for $name {
            fn write(&self, e: &mut Writer<'_>) -> Written {
                let $name { $($field,)* $($later,)* $($($unstored: _),*)? } = self;
                const LIST: &[&str] = &[$(stringify!($field),)* $(stringify!($later),)*];
                write_head(e, ARRAY, LIST.len() as u64)?;
                $($field.write(e)?;)*
                $($later.write(e)?;)*
                Ok(())
            }

            fn read(d: &mut Decoder<'_>) -> Read<Self> {
                let mut left = read_head(d, ARRAY)?;
                let read = $name {
                    $($field: next(&mut left, d)?,)*
                    $($later: next_or_default(&mut left, d)?,)*
                    $($($unstored: $value),*)?
                };
                if left == 0 { Ok(read) } else { Err(nonsense()) }
            }
        }
    };
}

/// The variants of an enum, each by its number. A variant that is not listed does not compile.
macro_rules! variants {
    ($name:ident { $($number:literal $variant:ident { $($key:tt: $field:ident),* }),* }) => {
        impl Stored for $name {
            fn write(&self, e: &mut Writer<'_>) -> Written {
                match self {
                    $($name::$variant { $($key: $field),* } => {
                        const LIST: &[&str] = &["number", $(stringify!($field)),*];
                        write_head(e, ARRAY, LIST.len() as u64)?;
                        write_head(e, NUMBER, $number)?;
                        $($field.write(e)?;)*
                    })*
                }
                Ok(())
            }

            fn read(d: &mut Decoder<'_>) -> Read<Self> {
                let mut left = read_head(d, ARRAY)?;
                let read = match next::<u8>(&mut left, d)? {
                    $($number => $name::$variant { $($key: next(&mut left, d)?),* },)*
                    _ => return Err(nonsense()),
                };
                if left == 0 { Ok(read) } else { Err(nonsense()) }
            }
        }
    };
}

macro_rules! numbers {
    ($name:ident { $($number:literal $variant:ident),* }) => {
        impl Stored for $name {
            fn write(&self, e: &mut Writer<'_>) -> Written {
                write_head(e, NUMBER, match self { $($name::$variant => $number),* })
            }

            fn read(d: &mut Decoder<'_>) -> Read<Self> {
                match read_number::<u8>(d)? {
                    $($number => Ok($name::$variant),)*
                    _ => Err(nonsense()),
                }
            }
        }
    };
}

/// The next item of an array of which `left` are left.
fn next<T: Stored>(left: &mut u64, d: &mut Decoder<'_>) -> Read<T> {
    *left = left.checked_sub(1).ok_or_else(nonsense)?;
    T::read(d)
}

/// The next item, or its default where the record is from before there was one.
#[allow(dead_code)] // until the first later field
fn next_or_default<T: Stored + Default>(left: &mut u64, d: &mut Decoder<'_>) -> Read<T> {
    if *left == 0 { Ok(T::default()) } else { next(left, d) }
}

fields!(Account {
    epoch, last_write, first_bound_at, offboarded_at, devices, former,
    import_ended, enrolment_began, pending, confirmed, recovery, texts, used, browsers,
    browser_generation, codes, out_of_band, passes, needs_pass, abandoned_at, trusted,
    used_for_other
} later {} not stored { exists: true });
fields!(Budget { unknown, remembered, emptied } later {});
fields!(Failures { row, failed_at, recent } later {});
fields!(Failure { at, weight } later {});
fields!(Device {
    id, label, status, bound_at, last_used, imported, probation, fingerprint, factor, openly
} later {});
fields!(FormerSecret { device, hash, last, lost } later {});
fields!(Parameters { algorithm, digits, period, t0 } later {});
fields!(Pending { id, at, device, replaces, proven, failures, sent, session } later {});
fields!(LastConfirmed { id, at, device, moving_factor, of_two, sent } later {});
fields!(Proven {
    account, device, method, purpose, epoch, at, remembered, probation, first_factor, user_verified,
    carried
} later {});
fields!(Recovery { newest, old } later {});
fields!(OldSet { replaced_at, set } later {});
fields!(RecoverySet { id, salt, codes, issued_at, seen } later {});
fields!(StoredCode { name, hash, failures, spent_at } later {});
fields!(Texts { live, sent, bindings } later {});
fields!(SentText { id, purpose, at, device, failures, remembered, sent } later {});
fields!(Used { list, ended } later {});
fields!(UsedChallenge { id, issued_at } later {});
fields!(Browser { id, used_at } later {});
fields!(StoredPass {
    kind, at, secs, name, tries, is_over, operator, sealed
} later {});
fields!(Trusted { id, device, since, turn, turned_at, repeats } later {});
variants!(Factor {
    0 Totp { secret: secret, parameters: parameters, last_step: last_step, drift: drift, offset: offset },
    1 Hotp { secret: secret, algorithm: algorithm, digits: digits, next: next_counter },
    2 External { 0: method },
    3 Phone { 0: number },
    4 Former { 0: method }
});
variants!(AnyPurpose {
    0 SignIn {}, 1 ChangeFactors {}, 2 ChangePrivileges {}, 3 ActForOther {}, 4 Action { 0: name }
});
numbers!(Algorithm { 1 Sha1, 2 Sha256, 3 Sha512 });
numbers!(DeviceStatus { 0 Confirmed, 1 Lost, 2 Revoked });
numbers!(Method { 0 Totp, 1 Hotp, 2 Passkey, 3 Pki, 4 Sms, 5 RecoveryCode, 6 Emergency, 7 Pass,
    8 TrustedBrowser });
numbers!(PassKind { 0 Emergency, 1 Enrolment });

/// Types that CBOR has, and types that are one of those under another name.
macro_rules! plain {
    ($($type:ty: $write:expr, $read:expr;)*) => {$(
        impl Stored for $type {
            fn write(&self, e: &mut Writer<'_>) -> Written {
                let write: fn(&$type, &mut Writer<'_>) -> Written = $write;
                write(self, e)
            }

            fn read(d: &mut Decoder<'_>) -> Read<Self> {
                let read: fn(&mut Decoder<'_>) -> Read<$type> = $read;
                read(d)
            }
        }
    )*};
}

plain! {
    bool: |flag, e| e.bool(*flag).map(drop), |d| d.bool();
    u8: |number, e| write_head(e, NUMBER, (*number).into()), |d| read_number(d);
    u16: |number, e| write_head(e, NUMBER, (*number).into()), |d| read_number(d);
    u32: |number, e| write_head(e, NUMBER, (*number).into()), |d| read_number(d);
    u64: |number, e| write_head(e, NUMBER, *number), |d| read_number(d);
    i8: |number, e| e.i8(*number).map(drop), |d| d.i8();
    i16: |number, e| e.i16(*number).map(drop), |d| d.i16();
    UnixTime: |at, e| at.as_secs().write(e), |d| read_number(d).map(UnixTime::from_secs);
    DeviceId: |id, e| id.as_u64().write(e), |d| read_number(d).map(DeviceId::from_u64);
    AccountId: |id, e| e.bytes(id.as_bytes()).map(drop),
        |d| AccountId::new(d.bytes()?).map_err(|_| nonsense());
    BrowserId: |id, e| id.as_u64().write(e), |d| read_number(d).map(BrowserId::from_u64);
    ChallengeId: |id, e| id.as_bytes().write(e), |d| Stored::read(d).map(ChallengeId::from_bytes);
    Session: |session, e| session.0.write(e), |d| Stored::read(d).map(Session);
    Digits: |digits, e| digits.count().write(e), |d| Digits::new(read_number(d)?).ok_or_else(nonsense);
    Period: |period, e| period.as_u64().write(e), |d| Period::new(read_number(d)?).ok_or_else(nonsense);
    PhoneNumber: |number, e| e.str(number.as_str()).map(drop),
        |d| PhoneNumber::new(d.str()?).map_err(|_| nonsense());
    Box<Secret>: |secret, e| e.bytes(secret.expose_bytes()).map(drop),
        |d| Secret::boxed(d.bytes()?).map_err(|_| nonsense());
    Box<Account>: |account, e| Account::write(account, e), |d| Account::read(d).map(Box::new);
    (UnixTime, bool): |(at, flag), e| { write_head(e, ARRAY, 2)?; at.write(e)?; flag.write(e) },
        |d| if read_head(d, ARRAY)? == 2 { Ok((Stored::read(d)?, Stored::read(d)?)) } else { Err(nonsense()) };
}

impl<const MAX: usize> Stored for Text<MAX> {
    fn write(&self, e: &mut Writer<'_>) -> Written {
        e.str(self.as_str()).map(drop)
    }

    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Text::new(d.str()?).map_err(|_| nonsense())
    }
}

impl<const N: usize> Stored for [u8; N] {
    fn write(&self, e: &mut Writer<'_>) -> Written {
        e.bytes(self).map(drop)
    }

    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        d.bytes()?.try_into().map_err(|_| nonsense())
    }
}

/// Read where it stays: a move would leave a copy on the stack.
impl Stored for Box<SentCode> {
    fn write(&self, e: &mut Writer<'_>) -> Written {
        let SentCode { key, mac } = &**self;
        write_head(e, ARRAY, 2)?;
        key.write(e)?;
        mac.write(e)
    }

    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        if read_head(d, ARRAY)? != 2 {
            return Err(nonsense());
        }
        let mut read = SentCode::blank();
        let SentCode { key, mac } = &mut *read;
        for place in [key, mac] {
            let bytes = d.bytes()?;
            if bytes.len() != place.len() {
                return Err(nonsense());
            }
            place.copy_from_slice(bytes);
        }
        Ok(read)
    }
}

impl<T: Stored> Stored for Option<T> {
    fn write(&self, e: &mut Writer<'_>) -> Written {
        match self {
            Some(value) => value.write(e),
            None => {
                e.writer_mut().push(NULL);
                Ok(())
            }
        }
    }

    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        let at = d.position();
        if d.input().get(at) == Some(&NULL) {
            d.set_position(at.saturating_add(1));
            return Ok(None);
        }
        T::read(d).map(Some)
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn write(&self, e: &mut Writer<'_>) -> Written {
        if self.len() as u64 > T::MOST {
            return Err(minicbor::encode::Error::message("too long")); // or no reader would take it
        }
        write_head(e, ARRAY, self.len() as u64)?;
        self.iter().try_for_each(|item| item.write(e))
    }

    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        let length = read_head(d, ARRAY)?;
        if length > T::MOST {
            return Err(nonsense());
        }
        // The capacity first: a vector of secrets that grows leaves copies behind.
        let mut all = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for _ in 0..length {
            all.push(T::read(d)?);
        }
        Ok(all)
    }
}

/// Bytes to be sealed, which are wiped where they are, and where they were before they grew.
pub(crate) struct Plaintext(Vec<u8>);

impl Plaintext {
    /// Room for an app and a set of recovery codes.
    const USUAL_LEN: usize = 512;

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        if self.0.capacity() == self.0.len() {
            self.grow(1);
        }
        self.0.push(byte);
    }

    /// Moves to larger room and wipes the old one. A vector that grows by itself frees it as it is.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, by: usize) {
        let room = self.0.capacity().saturating_mul(2).saturating_add(by);
        let mut larger = Plaintext(Vec::with_capacity(room));
        larger.0.extend_from_slice(&self.0);
        *self = larger;
    }
}

impl minicbor::encode::Write for Plaintext {
    type Error = Infallible;

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        if self.0.capacity().saturating_sub(self.0.len()) < bytes.len() {
            self.grow(bytes.len());
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize(); // behind its end nothing was ever written
    }
}

#[cfg(test)]
#[path = "../../tests/unit/codec.rs"]
mod tests;
