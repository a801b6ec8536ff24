//! The laws of provisioning URIs: what is accepted generates, is bounded, and prints to a fixed point.

use countersign::otp::{Parameters, Tolerance, UriError};
use countersign::{Algorithm, Digits, Hotp, ProvisioningUri, Totp, UnixTime};

/// What holds for any text. Says which doors took it: the loud and the strict one, and the import
/// door with something to tolerate.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 3] {
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
    [loud.is_ok(), strict.is_ok(), import(text, &loud)]
}

fn import(text: &str, strict: &Result<ProvisioningUri, UriError>) -> bool {
    let loud = ProvisioningUri::dangerously_import_allowing_short_secret(text);
    let long_enough = loud.as_ref().ok().filter(|(uri, _)| !uri.secret().is_short());
    let import = ProvisioningUri::import(text);
    assert_eq!(
        import.as_ref().ok().map(|(uri, tolerated)| (said(uri), tolerated)),
        long_enough.map(|(uri, tolerated)| (said(uri), tolerated)),
        "{text}"
    );
    // Without anything to tolerate it is the strict door, and reads every part alike. That one takes a
    // name that ends in a blank for what it is; here it is around the URI.
    let plain = loud.as_ref().ok().filter(|(_, tolerated)| tolerated.is_empty());
    let every = |uri: &ProvisioningUri| {
        (said(uri), uri.prefix().map(str::to_owned), uri.ignored_parameters().collect::<String>())
    };
    match (&loud, strict) {
        (Ok((uri, tolerated)), Ok(strict)) if tolerated.contains(Tolerance::Surroundings) => {
            assert_eq!(tolerated.iter().count(), 1, "{text}");
            assert_eq!(said(uri).2, said(strict).2, "{text}");
            assert_eq!(said(uri).3, said(strict).3, "{text}");
        }
        _ => {
            assert_eq!(plain.map(|(uri, _)| every(uri)), strict.as_ref().ok().map(every), "{text}")
        }
    }
    let Ok((uri, tolerated)) = &loud else { return false };
    generates(uri);
    // Its print says the same, and has nothing odd but in its names.
    let printed = uri.expose_uri();
    assert!(printed.len() <= ProvisioningUri::MAX_LEN, "{} bytes", printed.len());
    let again = ProvisioningUri::dangerously_import_allowing_short_secret(&printed);
    let (again, of_names) = again.unwrap_or_else(|error| panic!("{text} as {}: {error}", *printed));
    assert_eq!(said(&again), said(uri), "{text} as {}", *printed);
    let mut of_names = of_names.iter();
    assert!(of_names.all(|tolerance| NAMES.contains(&tolerance)), "{}", *printed);
    assert_eq!(again.expose_uri(), printed);
    !tolerated.is_empty()
}

const NAMES: [Tolerance; 3] =
    [Tolerance::SeveralColons, Tolerance::MissingAccount, Tolerance::IssuerColon];

type Moving = (Algorithm, Digits, Option<Parameters>, Option<u64>);
type Said = (Option<String>, String, Vec<u8>, Moving);

/// Everything a URI says, the secret included, to compare two of them. The prefix is left out:
/// printing makes it the issuer.
fn said(uri: &ProvisioningUri) -> Said {
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
    generates(uri);
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

fn generates(uri: &ProvisioningUri) {
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
}
