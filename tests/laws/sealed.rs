//! The law of the texts that are sealed for a form or a cookie: no altered bit of one is accepted, whatever
//! else is in it, and none that the library did not seal does harm.

use std::sync::OnceLock;

use crate::keys::{keyring, sealing_key};
use crate::plain::Plain;
use countersign::account::{Assertion, CarriedProof, Seal};
use countersign::mfa::{Decided, ExternalMethod};
use countersign::{
    AccountId, ChangeFactors, DeviceId, Keyring, MemoryStore, Mfa, Recommended, Record, SignIn,
    Store, UnixTime,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SESSION: &str = "8f1c6a";

/// What holds for any bytes. Says which doors took the text: those for a carried proof, for a passkey's
/// challenge, and for a remembered browser; and whether a carried proof was read that nothing had sealed.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 4] {
    let [how, at, flip, rest @ ..] = data else { return [false; 4] };
    static DANA: OnceLock<Dana<Keyring>> = OnceLock::new();
    let dana = DANA.get_or_init(|| Dana::new(keyring(7).opening_older(sealing_key(8))));
    let altered = |text: &str| altered(text, (*how, *at, *flip), rest);
    let takes = |text: &str, taken: fn(&Dana<Keyring>, &str) -> bool| {
        let altered = altered(text);
        let whole = altered.eq_ignore_ascii_case(text); // the digits are read in either case
        assert_eq!(taken(dana, &altered), whole, "{altered}");
        whole
    };
    [
        takes(&dana.carried, Dana::takes_carried),
        takes(&dana.challenge, Dana::takes_challenge),
        takes(&dana.browser, Dana::takes_browser),
        unsealed(rest),
    ]
}

/// What an attacker does to a text.
fn altered(text: &str, (how, at, flip): (u8, u8, u8), rest: &[u8]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = usize::from(at) * bytes.len() / 256;
    match how % 6 {
        0 => bytes = rest.to_vec(),
        1 => bytes.truncate(at),
        2 => bytes.extend_from_slice(rest),
        3 => bytes.splice(at.., rest.iter().copied()).for_each(drop),
        4 => bytes.make_ascii_uppercase(),
        _ => bytes.iter_mut().skip(at).zip(rest).for_each(|(byte, by)| *byte ^= by),
    }
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= flip;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Any content at all, as a carried proof would hold it.
fn unsealed(plaintext: &[u8]) -> bool {
    static DANA: OnceLock<Dana<Plain>> = OnceLock::new();
    let dana = DANA.get_or_init(|| Dana::new(Plain));
    let text: String = plaintext.iter().map(|byte| format!("{byte:02x}")).collect();
    dana.takes_carried(&text)
}

/// A person with a phone, a passkey and a remembered browser, and what was sealed for her.
struct Dana<K> {
    mfa: Mfa<K, Recommended>,
    record: Record,
    passkey: DeviceId,
    carried: String,
    challenge: String,
    browser: String,
}

impl<K: Seal> Dana<K> {
    fn new(keys: K) -> Dana<K> {
        let (mfa, store) = (Mfa::new(keys, Recommended), MemoryStore::new());
        let mut rng = StdRng::seed_from_u64(1);
        let dana = mfa.account(&person()).at(NOW);
        let bind = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut rng).run(&store);
        let bound = bind.unwrap();
        let codes = bound.recovery_codes().unwrap();
        let printed = codes.iter().map(|code| code.expose_text()).collect::<Vec<_>>();
        let signed_in = dana.recover(&printed[0], SignIn).run(&store).accepted().unwrap();
        let browser = dana.remember_browser(&signed_in, &mut rng).run(&store).unwrap();
        let browser = browser.expose_token().to_owned();
        let proof = dana.recover(&printed[1], ChangeFactors).run(&store).accepted().unwrap();
        let carried = dana.carry(proof, SESSION, &mut rng).unwrap().expose_text().to_owned();
        let challenge = dana.start_external(SignIn, &mut rng).unwrap().token().to_owned();
        let record = Store::load(&store, &person()).unwrap().unwrap();
        let passkey = bound.device();
        Dana { mfa, record, passkey, carried, challenge, browser }
    }

    fn takes_carried(&self, text: &str) -> bool {
        let by = CarriedProof::new(text, SESSION);
        let renew = self.mfa.account(&person()).at(NOW);
        let renew = renew.regenerate_recovery_codes(by, &mut StdRng::seed_from_u64(2));
        let decided = renew.operation().decide(Some(self.record.clone()), None).unwrap();
        matches!(decided, Decided::Write(_))
    }

    fn takes_challenge(&self, text: &str) -> bool {
        let word = Assertion::verified_by_host(text, self.passkey);
        let attempt = self.mfa.account(&person()).at(NOW).finish_external(word, SignIn);
        let decided = attempt.operation().decide(Some(self.record.clone()), None).unwrap();
        matches!(decided, Decided::Write(_))
    }

    /// A wrong code counts among those of the remembered browsers, or among the strangers'.
    fn takes_browser(&self, text: &str) -> bool {
        let attempt = self.mfa.account(&person()).at(NOW).verify("000000", SignIn);
        let attempt = attempt.from_browser(text);
        let decided = attempt.operation().decide(Some(self.record.clone()), None).unwrap();
        let Decided::Write(prepared) = decided else { panic!("a failure is written") };
        let codes = prepared.write().summary().codes;
        assert_eq!(codes.remembered_failures + codes.consecutive_failures, 1);
        codes.remembered_failures == 1
    }
}

fn person() -> AccountId {
    AccountId::new(b"42").unwrap()
}
