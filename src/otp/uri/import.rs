//! What other systems print instead of the format: labels, names of hashes, `&amp;`.
//!
//! Standard: there is none; `tests/data/import-accepted.txt` has the texts. HTML 13.1.4 (`&amp;`),
//! and the URL standard's section 5.1 (a plus for a blank), which a form follows and RFC 3986 does not.
//!
//! Takes only what has one reading. What a code depends on is never defaulted and never guessed; a
//! label is for display.

use alloc::string::String;

use zeroize::Zeroizing;

use crate::otp::algorithm::Algorithm;
use crate::otp::tolerance::{Tolerance, Tolerated};
use crate::otp::uri::error::{Part, UriError};
use crate::otp::uri::syntax::{
    MAX_ACCOUNT_LEN, MAX_ISSUER_LEN, decode, decode_any, has_html_ampersand, is_html_ampersand,
    shown,
};

/// The text with `&` for `&amp;`, if it has any. Refuses a text that has both, because it may mean either.
/// So may one that was escaped twice, in which the next reader finds `&amp;` again.
pub(crate) fn without_html(text: &str) -> Result<Option<Zeroizing<String>>, UriError> {
    if !has_html_ampersand(text) {
        return Ok(None);
    }
    let mut plain = Zeroizing::new(String::with_capacity(text.len())); // never grows
    let (head, rest) = text.split_once('&').ok_or(UriError::HtmlAmpersand)?;
    plain.push_str(head);
    for part in rest.split('&') {
        let part = part.get(4..).filter(|_| is_html_ampersand(part));
        plain.push('&');
        plain.push_str(part.ok_or(UriError::HtmlAmpersand)?);
    }
    Ok(Some(plain))
}

/// The secret's text. A plus is in no alphabet of base32, so it is a form's blank.
pub(crate) fn import_secret_text(raw: &str) -> Result<Zeroizing<String>, UriError> {
    let mut spaced = Zeroizing::new(String::with_capacity(raw.len())); // never grows
    spaced.extend(raw.chars().map(|it| if it == '+' { ' ' } else { it }));
    decode_any(Part::Secret, &spaced)
}

/// The issuer by its parameter, which may be an address.
pub(crate) fn import_issuer(
    raw: &str,
    tolerated: &mut Tolerated,
) -> Result<Option<String>, UriError> {
    let issuer = decode(Part::Issuer, raw)?;
    tolerated.add(Tolerated::when(Tolerance::IssuerColon, issuer.contains(':')));
    shown(Part::Issuer, &issuer, MAX_ISSUER_LEN)
}

/// The hash by any of the names that systems have for it: `HMAC` in front or not, and a separator
/// before and after `SHA` or not.
pub(crate) fn import_algorithm(
    name: &str,
    tolerated: &mut Tolerated,
) -> Result<Algorithm, UriError> {
    let known = Algorithm::from_name(name);
    tolerated.add(Tolerated::when(Tolerance::AlgorithmName, known.is_none()));
    let hash = after_word(name, "hmac").unwrap_or(name);
    let spelled = || match after_word(hash, "sha")? {
        "1" => Some(Algorithm::Sha1),
        "256" => Some(Algorithm::Sha256),
        "512" => Some(Algorithm::Sha512),
        _ => None, // SHA-2 and SHA-3 are families, and SHA-512/256 is another hash
    };
    known.or_else(spelled).ok_or(UriError::Value(Part::Algorithm))
}

/// What comes after `word`, in either case, and after one separator.
fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    let rest = rest.strip_prefix(['-', '_', ' ']).unwrap_or(rest);
    Some(rest).filter(|_| head.eq_ignore_ascii_case(word))
}

/// Prefix and account of a label. One with a single colon is read as the strict door reads it.
pub(crate) fn import_label(
    label: &str,
    issuer: Option<&str>,
    tolerated: &mut Tolerated,
) -> Result<(Option<String>, String), UriError> {
    let whole = decode(Part::Account, label)?;
    let (prefix, account) = if whole.matches(':').count() > 1 {
        tolerated.add(Tolerated::when(Tolerance::SeveralColons, true));
        let (prefix, account) = split_several(label, &whole, issuer)?;
        (prefix, account.trim_start_matches([' ', ':']))
    } else {
        let (prefix, account) = whole.split_once(':').unwrap_or(("", &whole));
        (prefix, account.trim_start_matches(' '))
    };
    tolerated.add(Tolerated::when(Tolerance::MissingAccount, account.is_empty()));
    let prefix = shown(Part::Prefix, prefix, MAX_ISSUER_LEN)?;
    let account = shown(Part::Account, account, MAX_ACCOUNT_LEN)?;
    Ok((prefix, account.unwrap_or_default()))
}

/// Splits a label at one of several colons: after the issuer that the parameter names, or at the only one
/// that is not escaped, or at the first one that is not part of an address. Where that one may precede a
/// port or an account, the whole label is the account.
fn split_several<'w>(
    label: &str,
    whole: &'w str,
    issuer: Option<&str>,
) -> Result<(&'w str, &'w str), UriError> {
    let behind = |prefix: &str| whole.strip_prefix(prefix)?.strip_prefix(':');
    if let Some(issuer) = issuer.filter(|issuer| !issuer.is_empty())
        && let Some(account) = behind(issuer)
    {
        return Ok((whole.get(..issuer.len()).unwrap_or_default(), account));
    }
    if let Some((prefix, account)) = label.split_once(':')
        && !prefix.is_empty()
        && !account.contains(':')
    {
        let prefix = decode(Part::Prefix, prefix)?;
        return Ok(whole.split_at_checked(prefix.len()).unwrap_or_default());
    }
    let bare = whole.trim_start_matches([' ', ':']);
    let Some((prefix, rest)) = bare.split_once(':') else { return Ok(("", bare)) };
    Ok(match bare.rsplit_once(':') {
        Some((_, last)) if rest.starts_with("//") && is_number(last) => ("", bare),
        Some(split) if rest.starts_with("//") && rest.contains(':') => split,
        _ => (prefix, rest),
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
