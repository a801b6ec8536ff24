//! The laws of provisioning URIs: what is accepted generates, is bounded, and prints to a fixed point.

use countersign::{Hotp, ProvisioningUri, Totp, UnixTime};

/// What holds for any text. Says which doors took it, the loud and the strict one.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 2] {
    let text = &*String::from_utf8_lossy(data);
    let loud = ProvisioningUri::dangerously_parse_allowing_short_secret(text);
    if let Ok(uri) = &loud {
        assert!(text.len() <= ProvisioningUri::MAX_LEN);
        keeps_the_laws(uri);
    }
    // The strict door takes what the loud one takes and is long enough, and reads it alike.
    let long_enough = loud.as_ref().ok().filter(|uri| !uri.secret().is_short());
    let strict = ProvisioningUri::parse(text);
    assert_eq!(strict.as_ref().ok().map(said), long_enough.map(said), "{text}");
    [loud.is_ok(), strict.is_ok()]
}

/// Everything a URI says, the secret included, to compare two of them. The prefix is left out:
/// printing makes it the issuer.
fn said(uri: &ProvisioningUri) -> impl PartialEq + std::fmt::Debug {
    (
        uri.issuer().map(str::to_owned),
        uri.account().to_owned(),
        uri.secret().expose_bytes().to_vec(),
        (uri.algorithm(), uri.digits(), uri.totp_parameters(), uri.counter()),
    )
}

/// What holds for every URI that was accepted or made.
///
/// # Panics
/// If it does not.
pub fn keeps_the_laws(uri: &ProvisioningUri) {
    // It generates.
    match (uri.totp_parameters(), uri.counter()) {
        (Some(parameters), None) => {
            let code = Totp::new(uri.secret(), parameters).generate(UnixTime::from_secs(u64::MAX));
            assert_eq!(code.unwrap().digits(), uri.digits());
        }
        (None, Some(counter)) => {
            let hotp = Hotp::new(uri.secret(), uri.algorithm(), uri.digits());
            assert_eq!(hotp.generate(counter).digits(), uri.digits());
        }
        other => panic!("neither or both: {other:?}"),
    }
    // Its print is accepted, says the same, and is its own print.
    let printed = uri.expose_uri();
    assert!(printed.len() <= ProvisioningUri::MAX_LEN, "{} bytes", printed.len());
    assert!(printed.is_ascii());
    let again = ProvisioningUri::dangerously_parse_allowing_short_secret(&printed).unwrap();
    assert_eq!(said(&again), said(uri));
    assert_eq!(again.expose_uri(), printed);
    assert_eq!(again.prefix(), again.issuer(), "the printer never prints a mismatch");
    assert_eq!(again.ignored_parameters().count(), 0);
}
