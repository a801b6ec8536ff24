//! What an import door took that a strict door refuses.
//!
//! Standard: RFC 4648 sections 3.2 to 3.5 (padding, other characters, unused bits), and the de facto
//! format of the Key URI Format page, from which the printers of other systems depart.
//!
//! Decides nothing: an import door takes a text only if it has one reading.

use core::fmt;

use crate::named::named;

named! {
    /// A departure from the format that an import door took.
    /// ```
    /// use countersign::{otp::Tolerance, Secret};
    /// // The log of a migration says what was odd about a row.
    /// let (_, tolerated) = Secret::import_base32("gezd gnbv gy3t qojq gezd gnbv gy3t qojq")?;
    /// let names: Vec<_> = tolerated.iter().map(Tolerance::name).collect();
    /// assert_eq!(names, ["lower-case", "blanks"]);
    /// # Ok::<(), countersign::otp::SecretError>(())
    /// ```
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    #[non_exhaustive]
    pub enum Tolerance {
        /// A byte order mark, blanks or line breaks around the text. Dropped.
        Surroundings = "surroundings",
        /// `&amp;` for every `&`, as a page of HTML writes it. Read as `&`.
        HtmlAmpersand = "html-ampersand",
        /// More than one colon in the label. Split behind the issuer.
        SeveralColons = "several-colons",
        /// No account name. It is empty.
        MissingAccount = "missing-account",
        /// A colon in the parameter `issuer`, as in an address. Kept.
        IssuerColon = "issuer-colon",
        /// Another spelling of the hash, such as `HmacSHA256` or `SHA-512`.
        AlgorithmName = "algorithm-name",
        /// Lower case in the secret.
        LowerCase = "lower-case",
        /// Blanks or line breaks in the secret, a form's plus signs among them. Dropped.
        Blanks = "blanks",
        /// Hyphens in the secret. Dropped.
        Hyphens = "hyphens",
        /// Correct padding after the secret. Dropped.
        Padding = "padding",
        /// The secret's unused last bits are not zero. They are no part of any byte, and dropped.
        TrailingBits = "trailing-bits",
    }
    const ALL: 11;
    /// Its name, for a log or a table: lower case, with hyphens.
    #[must_use]
    pub fn name;
}

/// The departures that an import door took with one text: each kind once.
/// ```
/// use countersign::{otp::Tolerance, ProvisioningUri};
/// // A row that tolerated nothing is one that the strict door takes as well.
/// let row = "otpauth://totp/?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Site";
/// let (_, tolerated) = ProvisioningUri::import(row)?;
/// assert!(tolerated.contains(Tolerance::MissingAccount) && !tolerated.is_empty());
/// assert_eq!(tolerated.iter().count(), 1);
/// # Ok::<(), countersign::otp::UriError>(())
/// ```
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Tolerated(u16);

impl Tolerated {
    /// Only `tolerance`, if it `is` there. Without a branch.
    pub(crate) const fn when(tolerance: Tolerance, is: bool) -> Tolerated {
        Tolerated((is as u16).wrapping_shl(tolerance as u32))
    }

    pub(crate) const fn add(&mut self, more: Tolerated) {
        self.0 |= more.0;
    }

    /// Whether nothing was tolerated: the strict door takes the text as well.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `tolerance` is one of them.
    #[must_use]
    pub const fn contains(self, tolerance: Tolerance) -> bool {
        self.0 & Tolerated::when(tolerance, true).0 != 0
    }

    /// Each of them, in the order of [`Tolerance`].
    pub fn iter(self) -> impl Iterator<Item = Tolerance> {
        Tolerance::ALL.into_iter().filter(move |tolerance| self.contains(*tolerance))
    }
}

impl fmt::Debug for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The text without its surroundings: blanks, line breaks, a byte order mark.
pub(crate) fn without_surroundings(text: &str) -> (&str, Tolerated) {
    let around = |character: char| character.is_whitespace() || character == '\u{FEFF}';
    let bare = text.trim_matches(around);
    (bare, Tolerated::when(Tolerance::Surroundings, bare.len() != text.len()))
}
