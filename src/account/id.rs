//! The numbers of things: of a person, a device, a browser, a key. None is secret.
//!
//! Standard: NIST SP 800-63B-4 section 4.1 (an authenticator is bound to one account).

use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use crate::text::{read_hex, serde_as_text, unit_error};

/// The host's own number for one person: 1 to 64 opaque bytes, compared bytewise.
///
/// Take it from the primary key of the person's row. Never from a name or an address: two spellings
/// of one name are two ids, so the second spelling has a fresh failure budget or no factor at all
/// (CVE-2025-6004, CVE-2020-12812, CVE-2026-47203).
/// ```
/// use countersign::AccountId;
/// // From the primary key of the person's row, never from a name.
/// let id = AccountId::new(42_u64.to_be_bytes())?;
/// assert_eq!(id.as_bytes(), 42_u64.to_be_bytes());
/// assert_eq!(id.to_string().parse(), Ok(id)); // through a log and back
/// // Two tables with numbers of their own.
/// assert_ne!(AccountId::numbered("staff", 7)?, AccountId::numbered("patient", 7)?);
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct AccountId {
    bytes: [u8; AccountId::MAX_LEN], // zero after `len`
    len: u8,
}

impl AccountId {
    /// The most bytes of an id.
    pub const MAX_LEN: usize = 64;

    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// [`AccountIdError`] for no bytes, or more than 64.
    pub fn new(id: impl AsRef<[u8]>) -> Result<AccountId, AccountIdError> {
        let id = id.as_ref();
        let mut bytes = [0; Self::MAX_LEN];
        let len = u8::try_from(id.len()).map_err(|_| AccountIdError)?;
        match bytes.get_mut(..id.len()) {
            Some(place) if !id.is_empty() => place.copy_from_slice(id),
            _ => return Err(AccountIdError),
        }
        Ok(AccountId { bytes, len })
    }

    /// From a kind of people and a number: `staff` 7 and `patient` 7 are two ids. A kind is 1 to 32 of a-z,
    /// 0-9 and hyphens.
    ///
    /// Two kinds or two numbers never make one id: a zero byte, which no kind has, ends the kind, and the
    /// number always has eight bytes. No text makes it, because the first byte is FF, which UTF-8 never
    /// has; and no integer or UUID, because it has 20 bytes or more.
    ///
    /// # Errors
    /// [`AccountIdError`] for any other kind; `Staff` would be a second person.
    pub fn numbered(kind: &str, number: u64) -> Result<AccountId, AccountIdError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=32).contains(&kind.len()) || !kind.bytes().all(allowed) {
            return Err(AccountIdError);
        }
        let parts = [b"\xffnumbered ".as_slice(), kind.as_bytes(), &[0], &number.to_be_bytes()];
        AccountId::new(parts.concat())
    }

    /// The bytes. Store them in a binary column: a collation that folds case or trims spaces makes
    /// two people one.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Hash for AccountId {
    /// Of the bytes there are, not of their room.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for AccountId {
    /// In hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    /// Reads what `Display` prints.
    fn from_str(text: &str) -> Result<AccountId, AccountIdError> {
        let mut bytes = [0; Self::MAX_LEN];
        let len = read_hex(text, &mut bytes).ok_or(AccountIdError)?;
        AccountId::new(bytes.get(..len).unwrap_or_default())
    }
}

serde_as_text!(AccountId);

unit_error! {
    /// An account id has 1 to 64 bytes, and its kind, if it has one, 1 to 32 of a-z, 0-9 and hyphens.
    /// ```
    /// use countersign::{account::AccountIdError, AccountId};
    /// // A row without a key is a fault of the host: it fails here, and no account is shared.
    /// assert_eq!(AccountId::new(""), Err(AccountIdError));
    /// assert_eq!("4g".parse::<AccountId>(), Err(AccountIdError));
    /// ```
    AccountIdError: "an account id has 1 to 64 bytes, as text two hexadecimal digits for each, and its kind 1 to 32 of a-z, 0-9 and hyphens"
}

/// An id that is printed as the hexadecimal digits of its `$len` bytes, and read back from them.
macro_rules! hexadecimal_id {
    ($name:ident, $error:ident, $len:literal, $to_bytes:expr, $from_bytes:expr) => {
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let bytes: [u8; $len] = $to_bytes(self.0);
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl core::str::FromStr for $name {
            type Err = $error;

            /// Reads what `Display` prints, from a form for example.
            fn from_str(text: &str) -> Result<$name, $error> {
                let mut bytes = [0; $len];
                match crate::text::read_hex(text, &mut bytes) {
                    Some($len) => Ok($name($from_bytes(bytes))),
                    _ => Err($error),
                }
            }
        }

        crate::text::serde_as_text!($name);
    };
}
pub(crate) use hexadecimal_id;

/// A random number of 64 bits, printed as sixteen hexadecimal digits, which a form and JSON carry whole.
macro_rules! random_number {
    ($(#[$doc:meta])* $name:ident, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(u64);

        impl $name {
            /// From the number that `as_u64` gave.
            #[must_use]
            pub const fn from_u64(id: u64) -> $name {
                $name(id)
            }

            /// The number, for a column or a form.
            #[must_use]
            pub const fn as_u64(self) -> u64 {
                self.0
            }
        }

        hexadecimal_id!($name, $error, 8, u64::to_be_bytes, u64::from_be_bytes);
    };
}

random_number! {
    /// The random number of one enrolled device. A device enrolled again is another device.
    ///
    /// Serialised as its sixteen hexadecimal digits: many readers of JSON lose digits of such a number.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::DeviceId;
    /// // In the button "remove this device" of a page, and back from it.
    /// let button = phone.device.to_string();
    /// assert_eq!(button.parse::<DeviceId>()?, phone.device);
    /// assert_eq!(DeviceId::from_u64(phone.device.as_u64()), phone.device);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    DeviceId, DeviceIdError
}

unit_error! {
    /// The text is not a device id: sixteen hexadecimal digits.
    /// ```
    /// use countersign::{account::DeviceIdError, DeviceId};
    /// // A form that was tampered with is a bad request.
    /// assert_eq!("phone".parse::<DeviceId>(), Err(DeviceIdError));
    /// assert_eq!(DeviceIdError.to_string(), "a device id is sixteen hexadecimal digits");
    /// ```
    DeviceIdError: "a device id is sixteen hexadecimal digits"
}

random_number! {
    /// The random number of one remembered browser. Not secret: the token is.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{account::BrowserId, SignIn};
    /// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// let browser = dana.remember_browser(&proof, &mut rng).run(&store)?;
    /// // In the button "forget this browser" of a page, and back from it.
    /// let button = browser.id().to_string();
    /// dana.forget_browser(button.parse::<BrowserId>()?).run(&store)?;
    /// assert!(dana.summary().run(&store)?.is_some_and(|summary| summary.browsers.is_empty()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    BrowserId, BrowserIdError
}

unit_error! {
    /// The text is not a browser's number: sixteen hexadecimal digits.
    /// ```
    /// use countersign::account::{BrowserId, BrowserIdError};
    /// // A form that was tampered with is a bad request.
    /// assert_eq!("laptop".parse::<BrowserId>(), Err(BrowserIdError));
    /// ```
    BrowserIdError: "a browser's number is sixteen hexadecimal digits"
}

/// The name of a sealing key, eight hexadecimal digits. Not secret: derived from the key, and readable in
/// every record that the key sealed.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// use countersign::{account::KeyName, Store};
/// // The column `key` of the store, and what an operator types.
/// let name = Store::load(&store, &id)?.and_then(|record| record.key_name()).ok_or("no name")?;
/// assert_eq!(name.to_string().parse::<KeyName>()?, name);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyName([u8; 4]);

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyName({self})")
    }
}

impl KeyName {
    /// From the four bytes at the front of what [`Seal::seal`](crate::account::Seal::seal) returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> KeyName {
        KeyName(bytes)
    }

    /// The four bytes.
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }
}

hexadecimal_id!(KeyName, KeyNameError, 4, <[u8; 4]>::from, <[u8; 4]>::from);

unit_error! {
    /// The text is not the name of a key: eight hexadecimal digits.
    /// ```
    /// use countersign::account::{KeyName, KeyNameError};
    /// assert_eq!("newest".parse::<KeyName>(), Err(KeyNameError));
    /// ```
    KeyNameError: "the name of a key is eight hexadecimal digits"
}

/// Which stored record: the key that sealed it, and its version. A [`Fault`](crate::mfa::Fault) prints
/// it.
/// ```
/// use countersign::account::RecordName;
/// // From the form in which an operator copied what the error said.
/// let name = RecordName { key: Some("5be3a01c".parse()?), version: 7 };
/// assert_eq!(name.to_string(), "version 7 under the key 5be3a01c");
/// # Ok::<(), countersign::account::KeyNameError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct RecordName {
    /// The key; `None` if the bytes do not say.
    pub key: Option<KeyName>,
    /// The version.
    pub version: u64,
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} under ", self.version)?;
        match self.key {
            Some(key) => write!(f, "the key {key}"),
            None => f.write_str("no key"),
        }
    }
}
