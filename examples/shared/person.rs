#![allow(dead_code)] // each example takes a part of it
//! What every example needs before its first line: a library, a store, and a person with a phone.

use std::error::Error;

use countersign::account::SealingKey;
use countersign::{
    AccountId, Keyring, MemoryStore, Mfa, OsRandom, Recommended, Totp, UnixTime, Verdict,
};
use rand::Rng;

/// A host with one person in it. The clock is an argument everywhere, so an example can turn it.
pub struct Example {
    pub mfa: Mfa<Keyring, Recommended>,
    pub store: MemoryStore,
    pub id: AccountId,
    pub rng: OsRandom,
    pub now: UnixTime,
    pub phone: Totp,
    pub recovery_codes: Vec<String>,
}

impl Example {
    /// Enrols and confirms one phone, and turns the clock on by a minute.
    pub fn new() -> Result<Example, Box<dyn Error>> {
        let (mut rng, mut key) = (OsRandom::new()?, [0; 32]);
        rng.fill_bytes(&mut key);
        let mfa = Mfa::new(Keyring::new("acme", SealingKey::new(&key)?)?, Recommended);
        let (store, id, now) = (MemoryStore::new(), AccountId::new("42")?, UnixTime::now()?);
        let dana = mfa.account(&id).at(now);
        let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
        let uri = pending.uri("Acme Billing", "dana")?;
        let phone = Totp::new(uri.secret(), uri.totp_parameters().ok_or("not TOTP")?);
        let code = phone.generate(now).ok_or("no code")?;
        let verdict = dana.confirm(pending.id(), code.expose_str(), &mut rng).run(&store);
        let Verdict::Accepted(bound) = verdict.decided()? else { return Err("wrong code".into()) };
        let codes = bound.recovery_codes().ok_or("no recovery codes")?.iter();
        let recovery_codes = codes.map(|code| code.expose_text().to_string()).collect();
        Ok(Example { mfa, store, id, rng, now: now.plus(60), phone, recovery_codes })
    }

    /// What the phone shows, half a minute later: the next code.
    pub fn next_code(&mut self) -> Result<String, Box<dyn Error>> {
        self.now = self.now.plus(30);
        Ok(self.phone.generate(self.now).ok_or("no code")?.expose_str().to_owned())
    }
}
