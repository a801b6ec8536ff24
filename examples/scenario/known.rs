//! What the people of a scenario hold in their hands, and their hosts in their forms: devices, printed
//! codes, texts, challenges. Nothing of it is in a store.

use std::collections::HashMap;

use countersign::account::{BrowserId, ChallengeId};
use countersign::{AccountId, DeviceId, UnixTime};

use super::devices::Device;
use super::script::{Code, Held, Pass, Printed, Purpose};

/// Everything outside of the stores.
#[derive(Clone, Default)]
pub struct Known {
    pub devices: HashMap<String, Device>,
    pub texts: HashMap<String, Sent>,
    pub checks: HashMap<String, Check>,
    pub browsers: HashMap<String, Browser>,
    /// What the forms hold of carried proofs.
    pub carried: HashMap<String, String>,
    /// Passes as they are typed, by their labels.
    pub passes: HashMap<String, String>,
    pub trusted: HashMap<String, Trusted>,
    /// By the number of the store: another deployment has other devices of the same name.
    people: HashMap<(usize, AccountId), Person>,
}

/// One person at one deployment.
#[derive(Clone, Default)]
pub struct Person {
    /// The enrolment that was started last, and the name of its device.
    pub pending: Option<(ChallengeId, String)>,
    pub bound: HashMap<String, DeviceId>,
    /// The recovery codes that were shown last.
    pub printed: Vec<String>,
    /// The set that they are of.
    pub set: Option<ChallengeId>,
}

/// A text that was sent.
#[derive(Clone)]
pub struct Sent {
    pub id: ChallengeId,
    pub code: String,
    pub purpose: Purpose,
    /// Whether it binds the number that it was sent to, and which.
    pub binds: Option<String>,
}

/// A check of a passkey that was started.
#[derive(Clone)]
pub struct Check {
    pub token: String,
    pub device: DeviceId,
    pub purpose: Purpose,
}

/// A browser that is remembered.
#[derive(Clone)]
pub struct Browser {
    pub id: BrowserId,
    pub token: String,
}

/// A browser that is trusted: every token that was handed out for it, the newest last.
#[derive(Clone)]
pub struct Trusted {
    pub id: BrowserId,
    pub tokens: Vec<String>,
}

/// Names no browser.
pub const NO_BROWSER: &str = "0000000000000000";

/// Names no challenge.
pub const NO_CHALLENGE: ChallengeId = ChallengeId::from_bytes([0; 16]);

/// What a person types for a pass that was not issued: the right form, and no pass.
const NO_PASS: &str = "0000-0000-0000-0000-0000-0000-0000";

/// What a person types who has no such recovery code.
const NO_RECOVERY_CODE: &str = "0000-0000-0000-0000-0000-0000-0000";

impl Known {
    pub fn person(&mut self, store: usize, id: AccountId) -> &mut Person {
        self.people.entry((store, id)).or_default()
    }

    /// The text of a code that a step types.
    pub fn code(&mut self, code: &Code, now: UnixTime) -> String {
        match code {
            Code::Text(text) => text.clone(),
            Code::Shown { device, shift } => match self.devices.get_mut(device) {
                Some(device) => device.show(now, *shift),
                None => String::new(),
            },
            // A text that was not sent: its answer is the code of none.
            Code::Sent(label) => {
                self.texts.get(label).map_or("000000", |sent| sent.code.as_str()).to_owned()
            }
        }
    }

    /// The text of a pass that a step types.
    pub fn pass(&self, pass: &Pass) -> String {
        match pass {
            Pass::Text(text) => text.clone(),
            Pass::Issued(label) => {
                self.passes.get(label).map_or(NO_PASS, String::as_str).to_owned()
            }
        }
    }

    /// The text of a token that a step sends: of none, if none was handed out.
    pub fn token(&self, token: &Held) -> String {
        let tokens = self.trusted.get(token.browser()).map(|trusted| trusted.tokens.as_slice());
        let tokens = tokens.unwrap_or_default();
        let text = match token {
            Held::Newest(_) => tokens.last(),
            Held::Nth(_, place) => tokens.get(place.saturating_sub(1)),
            Held::Text(_, text) => Some(text),
        };
        text.cloned().unwrap_or_default()
    }

    /// The text of a recovery code that a step types.
    pub fn printed(&self, code: &Printed, store: usize, id: AccountId) -> String {
        match code {
            Printed::Text(text) => text.clone(),
            Printed::Nth(place) => {
                let person = self.people.get(&(store, id));
                let code =
                    person.and_then(|person| person.printed.get(place.saturating_sub(1)).cloned());
                code.unwrap_or_else(|| NO_RECOVERY_CODE.to_owned())
            }
        }
    }

    /// The number of a device: the person's own, or another person's of that name, or none.
    pub fn device(&self, store: usize, id: AccountId, name: &str) -> DeviceId {
        let of = |person: &Person| person.bound.get(name).copied();
        let own = self.people.get(&(store, id)).and_then(of);
        let any = || self.people.values().filter_map(of).min();
        own.or_else(any).unwrap_or(DeviceId::from_u64(0))
    }
}
