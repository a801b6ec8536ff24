// What the examples in the documentation have before their first line: a library, a store, and people.

use std::collections::BTreeSet;
use std::error::Error;

use countersign::account::{PhoneNumber, SealingKey};
use countersign::mfa::RestrictedNotice;
use countersign::{
    AccountId, Bounded, DeviceId, Keyring, MemoryStore, Mfa, OsRandom, Policy, Recommended, Totp,
    UnixTime,
};

type Library = Mfa<Keyring, Recommended>;
type Outcome<T> = Result<T, Box<dyn Error>>;

/// The sealing key of the examples, known to everyone who reads this.
pub const KEY: &str = "b19c7a3f5e02d84466ab0f9e31c7d5288e4f6d7023b9a1cc05f87e9b1d3a6240";

pub fn new() -> Outcome<(Library, MemoryStore, OsRandom, UnixTime)> {
    let keys = Keyring::new("acme", SealingKey::parse(KEY)?)?;
    Ok((Mfa::new(keys, Recommended), MemoryStore::new(), OsRandom::new()?, UnixTime::now()?))
}

/// The recommended numbers, and browsers that are trusted for a fortnight.
pub struct Trusting;

impl Policy for Trusting {
    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Some(Bounded::of::<1_209_600>())
    }
}

pub fn trusting() -> Outcome<(Mfa<Keyring, Trusting>, MemoryStore, OsRandom, UnixTime)> {
    let mfa = Mfa::with_policy(Keyring::new("acme", SealingKey::parse(KEY)?)?, Trusting)?;
    Ok((mfa, MemoryStore::new(), OsRandom::new()?, UnixTime::now()?))
}

pub struct Phone {
    pub device: DeviceId,
    pub totp: Totp,
    pub recovery_codes: Vec<String>,
}

impl Phone {
    /// Returns the code that the app shows.
    pub fn code(&self, now: UnixTime) -> String {
        code(&self.totp, now)
    }

    /// Returns a code that is right at no step near `now`.
    pub fn wrong_code(&self, now: UnixTime) -> String {
        let right = codes_near(&self.totp, now);
        (0..).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
    }
}

fn code(totp: &Totp, now: UnixTime) -> String {
    totp.generate(now).unwrap().expose_str().to_owned()
}

fn codes_near(totp: &Totp, now: UnixTime) -> BTreeSet<String> {
    (0..8).map(|step| code(totp, UnixTime::from_secs(now.as_secs() - 120 + step * 30))).collect()
}

/// Binds an app a minute ago, with no code twice near `now`: the code that it shows now is unused.
pub fn person<P: Policy>(
    mfa: &Mfa<Keyring, P>,
    store: &MemoryStore,
    rng: &mut OsRandom,
    id: &str,
    now: UnixTime,
) -> Outcome<(AccountId, Phone)> {
    let (id, then) = (AccountId::new(id)?, UnixTime::from_secs(now.as_secs() - 60));
    let account = mfa.account(&id).at(then);
    let (pending, totp) = loop {
        let pending = account.enrol("Phone", rng).run(store)?;
        let uri = pending.uri("Acme Billing", "dana")?;
        let totp = Totp::new(uri.secret(), uri.totp_parameters().ok_or("not TOTP")?);
        if codes_near(&totp, now).len() == 8 {
            break (pending, totp);
        }
    };
    let confirmed = account.confirm(pending.id(), &code(&totp, then), rng).run(store);
    let confirmed = confirmed.accepted().ok_or("wrong code")?;
    let codes = confirmed.recovery_codes().ok_or("no recovery codes")?.iter();
    let recovery_codes = codes.map(|code| code.expose_text().to_string()).collect();
    Ok((id, Phone { device: confirmed.device(), totp, recovery_codes }))
}

/// Binds a telephone a minute ago.
pub fn telephone(
    mfa: &Library,
    store: &MemoryStore,
    rng: &mut OsRandom,
    id: &str,
    now: UnixTime,
) -> Outcome<AccountId> {
    let (id, then) = (AccountId::new(id)?, UnixTime::from_secs(now.as_secs() - 60));
    let account = mfa.account(&id).at(then);
    let (number, told) = (PhoneNumber::new("+12025550123")?, RestrictedNotice::given_by_host());
    let sent = account.enrol_phone("Mobile", number, told, rng).run(store)?;
    let confirmed = account.confirm(sent.id(), sent.to_send().ok_or("nothing to send")?.expose_str(), rng).run(store);
    confirmed.accepted().ok_or("wrong code")?;
    Ok(id)
}
