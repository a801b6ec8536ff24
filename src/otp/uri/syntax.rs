//! The text of a provisioning URI taken apart: label, query, percent-encoding.
//!
//! Standard: RFC 3986 sections 2.1 (percent-encoding) and 3.4 (query).
//!
//! Knows which parameters there are, and not what their values mean.

use alloc::{string::String, vec::Vec};

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::otp::uri::error::{Part, PartError, UriError};
use crate::text::hides_something;

pub(crate) const MAX_ISSUER_LEN: usize = 128;

pub(crate) const MAX_ACCOUNT_LEN: usize = 320;

pub(crate) const MISSING_ISSUER: UriError = UriError::Missing(Part::Issuer);
pub(crate) const MISSING_ACCOUNT: UriError = UriError::Missing(Part::Account);

/// Prefix and account of a label, split at the first colon of the *raw* text, escaped or not: split
/// after decoding, `A%3Ab:c` would have two readings.
pub(crate) fn split_label(label: &str) -> Result<(Option<String>, String), UriError> {
    let escaped = |at: &usize| {
        let sign = label.as_bytes().get(*at..).and_then(<[u8]>::first_chunk::<3>);
        sign.is_some_and(|sign| sign.eq_ignore_ascii_case(b"%3A"))
    };
    let plain = label.find(':').map(|at| (at, 1));
    let escaped = (0..label.len()).find(escaped).map(|at| (at, 3));
    let (prefix, account) = match plain.into_iter().chain(escaped).min() {
        Some((at, width)) => {
            let (prefix, rest) = label.split_at_checked(at).unwrap_or_default();
            (prefix, rest.get(width..).unwrap_or_default())
        }
        None => ("", label),
    };
    let prefix = name(Part::Prefix, &decode(Part::Prefix, prefix)?, MAX_ISSUER_LEN)?;
    let account = decode(Part::Account, account)?;
    let account = account.trim_start_matches(' ');
    let account = name(Part::Account, account, MAX_ACCOUNT_LEN)?;
    Ok((prefix, account.ok_or(MISSING_ACCOUNT)?))
}

pub(crate) type Values<'u> = [(Part, Option<&'u str>); 6];

/// The raw values of the known parameters, none of them twice, and the names of the others.
pub(crate) fn split_query(query: &str) -> Result<(Values<'_>, Vec<String>), UriError> {
    use Part::{Algorithm, Counter, Digits, Issuer, Period, Secret};
    let mut values = [Secret, Issuer, Algorithm, Digits, Period, Counter].map(|part| (part, None));
    let mut ignored = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        // Decoded first: a duplicate does not hide behind an escape or a capital letter.
        let key = decode(Part::Other, key)?;
        if is_html_ampersand(&key) {
            return Err(UriError::HtmlAmpersand);
        }
        if key.eq_ignore_ascii_case("encoder") {
            return Err(UriError::Encoder);
        }
        match values.iter_mut().find(|(part, _)| key.eq_ignore_ascii_case(part.name())) {
            Some((part, Some(_))) => return Err(UriError::Duplicate(*part)),
            Some((_, place)) => *place = Some(value),
            None => {
                decode(Part::Other, value)?;
                ignored.push(String::from(key.as_str()));
            }
        }
    }
    Ok((values, ignored))
}

/// Whether an `&` of the text is `&amp;`. Looks only at what comes right behind each `&`, which is no
/// part of a secret.
pub(crate) fn has_html_ampersand(text: &str) -> bool {
    text.split('&').skip(1).any(is_html_ampersand)
}

pub(crate) fn is_html_ampersand(behind: &str) -> bool {
    behind.get(..4).is_some_and(|escape| escape.eq_ignore_ascii_case("amp;"))
}

/// As [`decode_any`], and refuses what does not show.
pub(crate) fn decode(part: Part, raw: &str) -> Result<Zeroizing<String>, UriError> {
    let text = decode_any(part, raw)?;
    if hides_something(&text) {
        return Err(UriError::Text { part, error: PartError::Invisible });
    }
    Ok(text)
}

/// Undoes percent-encoding, into wiped memory. The decoder of the library passes a malformed escape
/// through as text; here it is refused, because the next reader may see something else in it.
pub(crate) fn decode_any(part: Part, raw: &str) -> Result<Zeroizing<String>, UriError> {
    let refuse = |error| Err(UriError::Text { part, error });
    let whole = |after: &str| {
        let pair = after.as_bytes().first_chunk::<2>();
        pair.is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    if !raw.split('%').skip(1).all(whole) {
        return refuse(PartError::Escape);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(raw.len()));
    bytes.extend(percent_decode_str(raw));
    let Ok(text) = core::str::from_utf8(&bytes) else {
        return refuse(PartError::NotUtf8);
    };
    Ok(Zeroizing::new(String::from(text)))
}

/// A name that can be printed: `None` if it is empty.
pub(crate) fn name(part: Part, text: &str, max_len: usize) -> Result<Option<String>, UriError> {
    if text.contains(':') {
        return Err(UriError::Text { part, error: PartError::Colon });
    }
    shown(part, text, max_len)
}

/// A name that can be shown, and may have colons in it: `None` if it is empty.
pub(crate) fn shown(part: Part, text: &str, max_len: usize) -> Result<Option<String>, UriError> {
    let refuse = |error| Err(UriError::Text { part, error });
    if hides_something(text) {
        return refuse(PartError::Invisible);
    }
    if text.len() > max_len {
        return refuse(PartError::TooLong { bytes: text.len() });
    }
    Ok(Some(text).filter(|text| !text.is_empty()).map(String::from))
}

/// A plain decimal number: no sign, no space, no leading zero.
pub(crate) fn number(part: Part, raw: &str) -> Result<u64, UriError> {
    let text = decode(part, raw)?;
    let plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(UriError::Value(part))
}
