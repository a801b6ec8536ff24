//! What the law of stored bytes starts from: plaintexts of records, and the golden ones. Written by
//!
//! ```text
//! cargo test --test laws write_the_seeds_of_records -- --ignored
//! ```

use countersign::account::HostsWord;
use std::cell::Cell;
use std::fs;
use std::path::Path;

use crate::plain::Plain;
use countersign::account::{Assertion, ExistingDevice, PhoneNumber, Text};
use countersign::mfa::{ExternalMethod, RestrictedNotice};
use countersign::otp::Parameters;
use countersign::{
    AccountId, ChangeFactors, DeviceId, Digits, Hotp, MemoryStore, Mfa, Proof, Purpose,
    Recommended, Secret, SignIn, Store, Totp, UnixTime,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The person of the law, at its moment.
struct Story {
    mfa: Mfa<Plain, Recommended>,
    store: MemoryStore,
    id: AccountId,
    now: Cell<u64>,
    rng: StdRng,
}

impl Story {
    fn begin() -> Story {
        Story {
            mfa: Mfa::new(Plain, Recommended),
            store: MemoryStore::new(),
            id: AccountId::new(b"42").unwrap(),
            now: Cell::new(1_800_000_000 - 300),
            rng: StdRng::seed_from_u64(1),
        }
    }

    /// Half a minute later.
    fn later(&self) -> UnixTime {
        self.now.set(self.now.get() + 30);
        self.at()
    }

    fn at(&self) -> UnixTime {
        UnixTime::from_secs(self.now.get())
    }

    /// The plaintext of the record.
    fn plaintext(&self) -> Vec<u8> {
        const HEADER: usize = 15; // magic, format, owner and the length of the rest
        let record = Store::load(&self.store, &self.id).unwrap().unwrap();
        record.as_bytes()[HEADER..].to_vec()
    }

    fn import(&mut self) {
        let secret = Secret::from_bytes(b"12345678901234567890").unwrap();
        let label = Text::new("Dana’s phone").unwrap();
        let device = ExistingDevice::totp(label, secret, Parameters::default(), None);
        let import = self.mfa.account(&self.id).at(self.at()).import(device, &mut self.rng);
        { import }.run(&self.store).unwrap();
    }

    fn app(&mut self) -> (Totp, DeviceId, Vec<String>) {
        let dana = self.mfa.account(&self.id).at(self.at());
        let pending = dana.enrol("Phone", &mut self.rng).run(&self.store).unwrap();
        let uri = pending.uri("Acme", "dana").unwrap();
        let app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let code = app.generate(self.at()).unwrap();
        let confirm = dana.confirm(pending.id(), code.expose_str(), &mut self.rng);
        let bound = confirm.run(&self.store).accepted().unwrap();
        let codes = bound.recovery_codes().unwrap().iter();
        let codes = codes.map(|code| code.expose_text().to_string()).collect();
        (app, bound.device(), codes)
    }

    fn wrong(&self, code: &str, browser: &str) {
        let dana = self.mfa.account(&self.id).at(self.at());
        let verdict = dana.verify(code, SignIn).from_browser(browser).run(&self.store);
        assert!(verdict.accepted().is_none());
    }

    fn proof<P: Purpose>(&self, app: &Totp, purpose: P) -> Proof<P> {
        let now = self.later();
        let code = app.generate(now).unwrap();
        let verify = self.mfa.account(&self.id).at(now).verify(code.expose_str(), purpose);
        verify.run(&self.store).accepted().unwrap()
    }
}

fn imported() -> Story {
    let mut story = Story::begin();
    story.import();
    story
}

fn failure() -> Story {
    let story = imported();
    story.wrong("000000", "");
    story
}

fn pending() -> Story {
    let mut story = Story::begin();
    let dana = story.mfa.account(&story.id).at(story.at());
    let _ = dana.enrol("Phone", &mut story.rng).run(&story.store).unwrap();
    story
}

fn hotp_pending() -> Story {
    let mut story = Story::begin();
    let dana = story.mfa.account(&story.id).at(story.at());
    let token = dana.enrol_hotp("Token", Digits::Eight, &mut story.rng).run(&story.store);
    let token = token.unwrap();
    let uri = token.uri("Acme", "dana").unwrap();
    let hotp = Hotp::new(uri.secret(), uri.algorithm(), uri.digits());
    // One wrong try, which is kept with it.
    let wrong = hotp.generate(99);
    let verdict = dana.confirm(token.id(), wrong.expose_str(), &mut story.rng).run(&story.store);
    assert!(verdict.accepted().is_none());
    story
}

fn bound_with_recovery_codes() -> Story {
    let mut story = Story::begin();
    let (_, _, codes) = story.app();
    let dana = story.mfa.account(&story.id).at(story.at());
    assert!(dana.recover(&codes[0], SignIn).run(&story.store).accepted().is_some());
    let named = format!("{}0000-0000", &codes[1][..25]);
    assert!(dana.recover(&named, SignIn).run(&story.store).accepted().is_none());
    story
}

fn offboarded() -> Story {
    let mut story = Story::begin();
    let _ = story.app();
    let dana = story.mfa.account(&story.id).at(story.at());
    dana.offboard(HostsWord::Process, "left").run(&story.store).unwrap();
    story
}

fn passkey_used() -> Story {
    let mut story = Story::begin();
    let dana = story.mfa.account(&story.id).at(story.at());
    let bind = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut story.rng);
    let key = { bind }.run(&story.store).unwrap().device();
    for _ in 0..3 {
        let dana = story.mfa.account(&story.id).at(story.later());
        let started = dana.start_external(SignIn, &mut story.rng).unwrap();
        let verified = Assertion::verified_by_host(started.token(), key);
        assert!(dana.finish_external(verified, SignIn).run(&story.store).accepted().is_some());
    }
    story
}

fn remembered_browsers() -> Story {
    let mut story = Story::begin();
    let (app, _, codes) = story.app();
    let mut token = String::new();
    for _ in 0..2 {
        let proof = story.proof(&app, SignIn);
        let dana = story.mfa.account(&story.id).at(story.at());
        let browser = dana.remember_browser(&proof, &mut story.rng).run(&story.store).unwrap();
        token = browser.expose_token().into();
    }
    // Failures in both lanes, forgiven, and new ones.
    for browser in [&*token, "", &token] {
        story.wrong("000000", browser);
    }
    let dana = story.mfa.account(&story.id).at(story.at());
    let proof = dana.recover(&codes[0], ChangeFactors).run(&story.store).accepted().unwrap();
    dana.unlock(proof).run(&story.store).unwrap();
    for browser in [&*token, "", ""] {
        story.wrong("000000", browser);
    }
    story
}

fn sent_text() -> Story {
    let mut story = Story::begin();
    let dana = story.mfa.account(&story.id).at(story.at());
    let number = PhoneNumber::new("+15550123489").unwrap();
    let told = RestrictedNotice::given_by_host();
    let sent = dana.enrol_phone("SMS", number, told, &mut story.rng).run(&story.store).unwrap();
    let typed = sent.to_send().unwrap().expose_str();
    let verdict = dana.confirm(sent.id(), typed, &mut story.rng).run(&story.store);
    assert!(verdict.accepted().is_some());
    let dana = story.mfa.account(&story.id).at(story.later());
    let _ = dana.send_code(SignIn, &mut story.rng).run(&story.store).unwrap();
    let _ = dana.send_code(ChangeFactors, &mut story.rng).run(&story.store).unwrap();
    story
}

fn former_devices() -> Story {
    let mut story = Story::begin();
    let (app, device, _) = story.app();
    let proof = story.proof(&app, ChangeFactors);
    let dana = story.mfa.account(&story.id).at(story.at());
    let bind = dana.bind_external("Card", ExternalMethod::Pki, &mut story.rng).proven_by(proof);
    let card = { bind }.run(&story.store).unwrap().device();
    let proof = story.proof(&app, ChangeFactors);
    let dana = story.mfa.account(&story.id).at(story.at());
    let renewed = dana.regenerate_recovery_codes(proof, &mut story.rng).run(&story.store);
    assert!(renewed.is_ok());
    let proof = story.proof(&app, ChangeFactors);
    let dana = story.mfa.account(&story.id).at(story.at());
    dana.revoke(card, proof).run(&story.store).unwrap();
    let proof = story.proof(&app, SignIn);
    let dana = story.mfa.account(&story.id).at(story.at());
    dana.report_lost(device, proof).run(&story.store).unwrap();
    story
}

type Told = fn() -> Story;

const STORIES: &[(&str, Told)] = &[
    ("imported", imported),
    ("failure", failure),
    ("pending", pending),
    ("hotp-pending", hotp_pending),
    ("bound-with-recovery-codes", bound_with_recovery_codes),
    ("offboarded", offboarded),
    ("passkey-used", passkey_used),
    ("remembered-browsers", remembered_browsers),
    ("sent-text", sent_text),
    ("former-devices", former_devices),
];

/// Writes the plaintexts and takes over the golden records.
pub fn write(folder: &Path) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("plaintext-") || name.starts_with("golden-") {
            fs::remove_file(&path).unwrap();
        }
    }
    for (name, story) in STORIES {
        fs::write(folder.join(format!("plaintext-{name}")), story().plaintext()).unwrap();
    }
    for (name, bytes) in golden() {
        fs::write(folder.join(format!("golden-{name}")), bytes).unwrap();
    }
}

/// The golden records, as what the record of another person is replaced with.
pub fn golden() -> Vec<(String, Vec<u8>)> {
    let folder = super::root().join("tests/data/records");
    let read = |path: std::path::PathBuf| {
        let golden = fs::read_to_string(&path).unwrap();
        let hex: String =
            golden.lines().filter_map(|line| line.strip_prefix("record")).map(str::trim).collect();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> =
            [0; 4].into_iter().chain((0..hex.len()).step_by(2).map(byte)).collect();
        assert!(bytes.len() > 100, "{path:?}");
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), bytes)
    };
    fs::read_dir(folder).unwrap().map(|file| read(file.unwrap().path())).collect()
}
