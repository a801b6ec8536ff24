//! The account as it is described, written to be read: strings, maps and wide integers, one plain
//! function for each operation, no thought of speed. The library is compared with it.
//!
//! It shares nothing with the library. Codes are computed with the `hmac` crate, moments are
//! seconds in a `u128`, answers are lines of text. Where the two disagree, the specification (the
//! documentation of `mfa`, `proof`, `throttle` and `policy`) says which of them is wrong.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};

/// Seconds since the Unix epoch.
pub type Time = u128;

const MINUTE: Time = 60;
const DAY: Time = 24 * 60 * MINUTE;
const THIRTY_DAYS: Time = 30 * DAY;

/// The numbers of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub window_back: i128,
    pub window_forward: i128,
    pub look_ahead: u128,
    pub reach: i128,
    pub drift_limit: i128,
    pub drift_memory: Time,
    pub free: u128,
    pub first_wait: Time,
    pub longest_wait: Time,
    pub disable_at: u128,
    pub per_thirty_days: u128,
    pub pending_lifetime: Time,
    pub recovery_codes: usize,
    pub challenge_lifetime: Time,
    pub challenge_tries: u128,
    pub challenge_interval: Time,
    pub proof_age: Time,
    pub reset_lifetime: Time,
    pub emergency_lifetime: Time,
}

impl Numbers {
    /// The table of the recommended policy.
    pub const RECOMMENDED: Numbers = Numbers {
        window_back: 1,
        window_forward: 1,
        look_ahead: 5,
        reach: 1000,
        drift_limit: 2,
        drift_memory: THIRTY_DAYS,
        free: 4,
        first_wait: 30,
        longest_wait: 3600,
        disable_at: 100,
        per_thirty_days: 50,
        pending_lifetime: 600,
        recovery_codes: 10,
        challenge_lifetime: 300,
        challenge_tries: 5,
        challenge_interval: 30,
        proof_age: 300,
        reset_lifetime: DAY,
        emergency_lifetime: 14_400,
    };
}

/// What an authenticator computes codes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Generator {
    pub secret: Vec<u8>,
    /// "SHA1", "SHA256" or "SHA512".
    pub algorithm: String,
    pub digits: usize,
    /// Seconds of a step and the moment from which steps are counted; `None` for a counter.
    pub steps: Option<(Time, Time)>,
}

impl Generator {
    /// RFC 4226 section 5.3.
    pub fn code(&self, factor: u128) -> String {
        let factor = u64::try_from(factor).unwrap().to_be_bytes();
        let mac = match self.algorithm.as_str() {
            "SHA1" => mac::<Hmac<sha1::Sha1>>(&self.secret, &factor),
            "SHA256" => mac::<Hmac<sha2::Sha256>>(&self.secret, &factor),
            _ => mac::<Hmac<sha2::Sha512>>(&self.secret, &factor),
        };
        let offset = usize::from(mac[mac.len() - 1] & 0xf);
        let four = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap());
        let all = format!("{:010}", four & 0x7fff_ffff);
        all[10 - self.digits..].to_owned()
    }

    /// The time step at `now`; `None` before the first, and for a counter.
    pub fn step(&self, now: Time) -> Option<i128> {
        let (period, t0) = self.steps?;
        now.checked_sub(t0).map(|since| (since / period).try_into().unwrap())
    }

    fn shows(&self, factor: i128, typed: &str) -> bool {
        match u128::try_from(factor) {
            Ok(factor) if factor < 1 << 64 => self.code(factor) == typed,
            _ => false, // there is no such factor
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[derive(Clone, Debug)]
pub enum Factor {
    Totp {
        generator: Generator,
        last_step: Option<i128>,
        drift: i128,
        offset: i128,
    },
    Hotp {
        generator: Generator,
        next: u128,
    },
    /// A passkey or certificate: the host has it.
    External,
    Phone,
    /// Erased.
    Gone,
}

impl Factor {
    pub const fn generator(&self) -> Option<&Generator> {
        match self {
            Factor::Totp { generator, .. } | Factor::Hotp { generator, .. } => Some(generator),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Device {
    pub id: u64,
    pub label: String,
    pub method: String,
    /// "confirmed", "disabled", "lost" or "revoked".
    pub status: String,
    pub bound_at: Time,
    pub last_used: Option<Time>,
    pub imported: bool,
    pub factor: Factor,
}

impl Device {
    pub fn in_use(&self) -> bool {
        self.status == "confirmed"
    }

    fn retire(&mut self, status: &str) {
        self.status = status.into();
        self.factor = Factor::Gone;
    }
}

#[derive(Clone, Debug)]
pub struct Pending {
    id: [u8; 16],
    until: Time,
    device: Device,
    replaces: Option<u64>,
    /// The code sent to a telephone and its wrong answers.
    sent: Option<(String, u128)>,
}

#[derive(Clone, Debug)]
struct Challenge {
    id: [u8; 16],
    purpose: String,
    until: Time,
    /// The sent code, the telephone and the wrong answers; `None` if the host checks.
    sent: Option<(String, u64, u128)>,
}

#[derive(Clone, Debug)]
enum Recovery {
    /// Each code, and whether it is spent.
    Codes(Vec<(String, bool)>),
    /// Disabled by failures. Whether one had been spent is remembered.
    Dead { one_was_spent: bool },
}

/// The failures of one class.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    consecutive: u128,
    not_before: Time,
    forgotten_at: Time,
}

impl Failures {
    fn waits_until(&self, n: &Numbers, now: Time) -> Option<Time> {
        // What lies more than a day beyond a limiter's reach was written by a wrong clock.
        let mut until = 0;
        if self.not_before <= now + n.longest_wait + DAY {
            until = until.max(self.not_before.min(now + n.longest_wait));
        }
        if self.forgotten_at <= now + THIRTY_DAYS + DAY {
            let room_for_one =
                (self.forgotten_at + THIRTY_DAYS / n.per_thirty_days).saturating_sub(THIRTY_DAYS);
            until = until.max(room_for_one.min(now + THIRTY_DAYS));
        }
        Some(until).filter(|until| *until > now)
    }

    fn charge(&mut self, n: &Numbers, now: Time) {
        self.consecutive = (self.consecutive + 1).min(n.disable_at);
        let mut wait = 0;
        for _ in n.free..self.consecutive {
            wait = if wait == 0 { n.first_wait } else { wait * 2 };
            wait = wait.min(n.longest_wait);
        }
        self.not_before = now + wait;
        let filled = self.forgotten_at.max(now) + THIRTY_DAYS / n.per_thirty_days;
        self.forgotten_at = filled.min(now + THIRTY_DAYS);
    }

    fn forgive(&mut self) {
        self.consecutive = 0;
        self.not_before = 0;
    }

    /// By trying: how many more failures there can be before a wait or the end.
    fn tries_left(mut self, n: &Numbers, now: Time) -> u128 {
        let mut left = 0;
        while self.waits_until(n, now).is_none() && self.consecutive < n.disable_at {
            self.charge(n, now);
            left += 1;
        }
        left
    }
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub epoch: u128,
    first_bound_at: Option<Time>,
    offboarded_at: Option<Time>,
    reenrol_until: Option<Time>,
    emergency_until: Option<Time>,
    last_code_sent: Option<Time>,
    pub devices: Vec<Device>,
    pending: Option<Pending>,
    recovery: Option<Recovery>,
    sms: Option<Challenge>,
    external: Option<Challenge>,
    failures: BTreeMap<&'static str, Failures>,
}

/// What an accepted attempt is worth.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    pub account: String,
    pub device: Option<u64>,
    pub method: String,
    pub purpose: String,
    pub epoch: u128,
    pub at: Time,
}

/// What an operation came to.
#[derive(Debug)]
pub struct Turn {
    pub answer: String,
    pub wrote: bool,
    pub proof: Option<Proof>,
}

/// What the library drew at random, as it came out with the answer.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    pub id: [u8; 16],
    pub device: u64,
    pub generator: Option<Generator>,
    /// The counter that a token stands at.
    pub next: u128,
    pub code: String,
    pub recovery_codes: Vec<String>,
}

/// A device that exists already.
#[derive(Clone, Debug)]
pub struct Existing {
    pub label: String,
    pub generator: Generator,
    /// The last step, or the next counter.
    pub last_step: Option<i128>,
    pub next: u128,
}

impl Existing {
    fn factor(&self) -> Factor {
        let generator = self.generator.clone();
        match generator.steps {
            Some(_) => Factor::Totp { generator, last_step: self.last_step, drift: 0, offset: 0 },
            None => Factor::Hotp { generator, next: self.next },
        }
    }
}

fn class_of(method: &str) -> &'static str {
    match method {
        "totp" | "hotp" => "codes",
        "passkey" | "pki" => "external",
        "sms" => "out-of-band",
        _ => "recovery",
    }
}

fn rank(method: &str) -> u8 {
    match method {
        "passkey" | "pki" => 3,
        "totp" | "hotp" => 2,
        "sms" => 1,
        _ => 0,
    }
}

/// The truth table, row by row.
fn permits(method: &str, purpose: &str) -> bool {
    match (method, purpose) {
        ("totp" | "hotp" | "passkey" | "pki", _) => true,
        (_, "change-privileges" | "act-for-other") => false,
        ("emergency", "change-factors") => false,
        _ => true,
    }
}

/// What a person meant who typed a code: without blanks, quotation marks and the number of a list, and
/// with digits of ASCII.
fn meant(typed: &str) -> String {
    let typed = typed.trim_matches(['\u{201c}', '\u{201d}']);
    let typed = typed.strip_prefix("1. ").unwrap_or(typed);
    let plain = |digit: char| match digit {
        '０'..='９' => char::from_u32(u32::from(digit) - 0xff10 + 0x30).unwrap(),
        other => other,
    };
    typed.chars().filter(|it| !it.is_whitespace()).map(plain).collect()
}

/// Six, seven or eight ASCII digits.
fn is_code(typed: &str) -> bool {
    (6..=8).contains(&typed.len()) && typed.chars().all(|character| character.is_ascii_digit())
}

/// 24 characters of Crockford's base32, in one spelling; `None` if it is no recovery code.
fn canonical_recovery_code(typed: &str) -> Option<String> {
    let text = typed.replace([' ', '-'], "").to_uppercase();
    let text = text.replace('O', "0").replace(['I', 'L'], "1");
    let fits = text.chars().all(|c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c));
    Some(text).filter(|text| fits && text.len() == 24)
}

fn no_text(text: &str, most: usize) -> bool {
    text.is_empty() || text.len() > most || text.chars().any(char::is_control)
}

fn answered(answer: impl Into<String>) -> Turn {
    Turn { answer: answer.into(), wrote: false, proof: None }
}

fn refused(refusal: &str) -> Turn {
    answered(format!("refused {refusal}"))
}

fn done(answer: impl Into<String>) -> Turn {
    Turn { answer: answer.into(), wrote: true, proof: None }
}

impl Person {
    fn failures(&self, class: &str) -> Failures {
        self.failures.get(class).copied().unwrap_or_default()
    }

    fn waits(&self, class: &str, n: &Numbers, now: Time) -> Option<Time> {
        self.failures(class).waits_until(n, now)
    }

    fn forgive(&mut self, class: &'static str) {
        self.failures.entry(class).or_default().forgive();
    }

    pub fn device(&mut self, id: u64) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    fn in_use(&self, class: &str) -> usize {
        let same = |device: &&Device| device.in_use() && class_of(&device.method) == class;
        self.devices.iter().filter(same).count()
    }

    /// Had devices of the class, and failures have disabled the last of them.
    fn is_disabled(&self, class: &str) -> bool {
        if class == "recovery" {
            return matches!(self.recovery, Some(Recovery::Dead { .. }));
        }
        let disabled =
            |device: &Device| device.status == "disabled" && class_of(&device.method) == class;
        self.devices.iter().any(disabled) && self.in_use(class) == 0
    }

    /// Any change of factors ends whatever was under way.
    fn change_epoch(&mut self) {
        self.epoch += 1;
        self.pending = None;
        self.sms = None;
        self.external = None;
    }

    /// Sixteen former devices are remembered; revoked ones go first, then disabled, then lost ones.
    fn forget_oldest(&mut self) {
        while self.devices.iter().filter(|device| !device.in_use()).count() > 16 {
            let oldest = |status| self.devices.iter().position(|device| device.status == status);
            let oldest = oldest("revoked").or(oldest("disabled")).or(oldest("lost")).unwrap();
            self.devices.remove(oldest);
        }
    }

    fn bind(&mut self, device: Device, now: Time) {
        self.devices.push(device);
        self.first_bound_at = self.first_bound_at.or(Some(now));
        self.reenrol_until = None;
        self.change_epoch();
        self.forget_oldest();
    }

    fn retire_all(&mut self) {
        for device in self.devices.iter_mut().filter(|device| device.status != "lost") {
            device.retire("revoked");
        }
        self.recovery = None;
        self.emergency_until = None;
        self.forget_oldest();
    }

    /// Codes come with the first factor.
    fn first_recovery_codes(&mut self, drawn: &Drawn) -> String {
        if self.recovery.is_some() {
            return "none".into();
        }
        self.issue_recovery_codes(drawn)
    }

    fn issue_recovery_codes(&mut self, drawn: &Drawn) -> String {
        let codes = drawn.recovery_codes.iter();
        let codes = codes.map(|code| (canonical_recovery_code(code).unwrap(), false));
        self.recovery = Some(Recovery::Codes(codes.collect()));
        drawn.recovery_codes.len().to_string()
    }

    fn has_room(&self, method: &str) -> Result<(), String> {
        let (class, room) = match class_of(method) {
            "codes" => ("codes", 5),
            "external" => ("external", 8),
            other => (other, 1),
        };
        if self.in_use(class) < room { Ok(()) } else { Err("TooManyDevices".into()) }
    }

    /// A text message serves a change of factors only while nothing stronger is bound.
    fn sms_permits(&self, purpose: &str) -> bool {
        let stronger =
            |device: &Device| device.status != "revoked" && rank(&device.method) > rank("sms");
        permits("sms", purpose)
            && !(purpose == "change-factors" && self.devices.iter().any(stronger))
    }

    /// One code in the interval, whatever it was for, and none while failures have to be waited
    /// out.
    fn may_send(&self, n: &Numbers, now: Time) -> Result<(), String> {
        let mut until = self.waits("out-of-band", n, now).unwrap_or(0);
        if let Some(last) = self.last_code_sent {
            // Further ahead than the interval, it was written by a wrong clock.
            if last <= now + n.challenge_interval {
                until = until.max((last + n.challenge_interval).min(now + n.challenge_interval));
            }
        }
        if until > now { Err(format!("TooSoon {until}")) } else { Ok(()) }
    }

    /// What every write does besides: what has run out is dropped.
    fn tidy(&mut self, now: Time) {
        let over = |until: &Time| *until < now;
        self.pending.take_if(|pending| over(&pending.until));
        self.sms.take_if(|challenge| over(&challenge.until));
        self.external.take_if(|challenge| over(&challenge.until));
        self.emergency_until.take_if(|until| over(until));
        self.reenrol_until.take_if(|until| over(until));
    }
}

/// Everybody.
#[derive(Clone, Debug)]
pub struct World {
    pub numbers: Numbers,
    pub people: BTreeMap<String, Person>,
}

// The attempts.
impl World {
    pub fn verify(&mut self, who: &str, typed: &str, purpose: &str, now: Time) -> Turn {
        let (n, typed) = (self.numbers, &*meant(typed));
        let mut person = match self.gate(who, "codes", is_code(typed), now) {
            Ok(person) => person,
            Err(turn) => return *turn,
        };
        let mut hits = Vec::new();
        for at in 0..person.devices.len() {
            if !person.devices[at].in_use() {
                continue;
            }
            let found = find(&person.devices[at], &n, typed, now);
            if let Some(factor) = found {
                accept(&mut person.devices[at], &n, factor, now);
                hits.push((person.devices[at].id, person.devices[at].method.clone()));
            }
        }
        // A code that two devices show is burnt on both; the first is the one that proved.
        match hits.first() {
            Some((device, method)) => {
                self.accepted(who, person, Some(*device), method, purpose, now)
            }
            None => self.failed(who, person, "codes", now),
        }
    }

    pub fn resynchronise(
        &mut self,
        who: &str,
        device: u64,
        typed: [&str; 2],
        purpose: &str,
        now: Time,
    ) -> Turn {
        let (n, typed) = (self.numbers, typed.map(meant));
        let typed = typed.each_ref().map(String::as_str);
        let mut person = match self.gate(who, "codes", typed.iter().all(|code| is_code(code)), now)
        {
            Ok(person) => person,
            Err(turn) => return *turn,
        };
        let Some(found) = person.device(device).filter(|device| device.in_use()) else {
            return self.failed(who, person, "codes", now);
        };
        let shows = |generator: &Generator, last: i128| {
            generator.shows(last - 1, typed[0]) && generator.shows(last, typed[1])
        };
        let hit = match &mut found.factor {
            Factor::Totp { generator, last_step, drift, offset } => {
                let present = generator.step(now);
                let lasts = present.map(|step| step - n.reach + 1..=step + n.reach);
                let unused = |last: &i128| last_step.is_none_or(|used| last - 1 > used);
                let hit = lasts.and_then(|mut lasts| {
                    lasts.rfind(|last| unused(last) && shows(generator, *last))
                });
                if let Some(last) = hit {
                    *last_step = Some(last);
                    (*offset, *drift) = (last - present.unwrap(), 0);
                }
                hit.is_some()
            }
            Factor::Hotp { generator, next } => {
                let first = i128::try_from(*next).unwrap();
                let hit = (first + 1..first + n.reach).rfind(|last| shows(generator, *last));
                if let Some(last) = hit {
                    *next = u128::try_from(last).unwrap() + 1;
                }
                hit.is_some()
            }
            _ => false,
        };
        if !hit {
            return self.failed(who, person, "codes", now);
        }
        found.last_used = Some(now);
        let method = found.method.clone();
        self.accepted(who, person, Some(device), &method, purpose, now)
    }

    pub fn recover(&mut self, who: &str, typed: &str, purpose: &str, now: Time) -> Turn {
        let typed = canonical_recovery_code(typed);
        let mut person = match self.gate(who, "recovery", typed.is_some(), now) {
            Ok(person) => person,
            Err(turn) => return *turn,
        };
        if let (Some(Recovery::Codes(codes)), true) =
            (&mut person.recovery, permits("recovery-code", purpose))
        {
            let unspent =
                |(code, spent): &&mut (String, bool)| typed.as_ref() == Some(code) && !*spent;
            if let Some((_, spent)) = codes.iter_mut().find(unspent) {
                *spent = true;
                return self.accepted(who, person, None, "recovery-code", purpose, now);
            }
        }
        self.failed(who, person, "recovery", now)
    }

    pub fn answer(
        &mut self,
        who: &str,
        id: [u8; 16],
        typed: &str,
        purpose: &str,
        now: Time,
    ) -> Turn {
        let typed = &*meant(typed);
        if !self.is_open(who) && is_code(typed) {
            return answered("expired");
        }
        let mut person = match self.gate(who, "out-of-band", is_code(typed), now) {
            Ok(person) => person,
            Err(turn) => return *turn,
        };
        let live = person.sms.take_if(|live| live.id == id && now <= live.until);
        let Some(mut live) = live else { return answered("expired") };
        let (code, device, failures) = live.sent.as_mut().unwrap();
        let device = *device;
        if code == typed && live.purpose == purpose {
            person.device(device).unwrap().last_used = Some(now);
            return self.accepted(who, person, Some(device), "sms", purpose, now);
        }
        *failures += 1;
        if *failures < self.numbers.challenge_tries {
            person.sms = Some(live);
        }
        self.failed(who, person, "out-of-band", now)
    }

    pub fn settle_external(
        &mut self,
        who: &str,
        id: [u8; 16],
        device: u64,
        passed: bool,
        purpose: &str,
        now: Time,
    ) -> Turn {
        if !self.is_open(who) {
            return answered("expired");
        }
        let mut person = match self.gate(who, "external", true, now) {
            Ok(person) => person,
            Err(turn) => return *turn,
        };
        let live = person.external.take_if(|live| live.id == id && now <= live.until);
        let Some(live) = live else { return answered("expired") };
        let known =
            |device: &&mut Device| device.in_use() && class_of(&device.method) == "external";
        match person.device(device).filter(known) {
            Some(found) if passed && live.purpose == purpose => {
                found.last_used = Some(now);
                let method = found.method.clone();
                self.accepted(who, person, Some(device), &method, purpose, now)
            }
            _ => self.failed(who, person, "external", now),
        }
    }

    pub fn use_emergency_access(&mut self, who: &str, purpose: &str, now: Time) -> Turn {
        let person = self.people.get(who).cloned().unwrap_or_default();
        let granted = person.emergency_until.is_some_and(|until| now <= until);
        if granted && permits("emergency", purpose) {
            return self.accepted(who, person, None, "emergency", purpose, now);
        }
        answered("expired")
    }

    pub fn confirm(
        &mut self,
        who: &str,
        id: [u8; 16],
        typed: &str,
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
        let (n, typed) = (self.numbers, &*meant(typed));
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let live = |pending: &mut Pending| pending.id == id && now <= pending.until;
        let Some(mut pending) = person.pending.take_if(live) else { return answered("expired") };
        let class = class_of(&pending.device.method);
        if let Some(until) = person.waits(class, &n, now) {
            return answered(format!("wait {until}"));
        }
        if !is_code(typed) {
            return answered("malformed");
        }
        let right = match &mut pending.sent {
            Some((code, failures)) => {
                *failures += u128::from(code != typed);
                code == typed
            }
            None => match find(&pending.device, &n, typed, now) {
                Some(factor) => {
                    accept(&mut pending.device, &n, factor, now);
                    true
                }
                None => false,
            },
        };
        if !right {
            let tries = pending.sent.as_ref().map_or(0, |(_, failures)| *failures);
            person.pending = Some(pending).filter(|_| tries < n.challenge_tries);
            return self.failed(who, person, class, now);
        }
        let Pending { mut device, replaces, sent, .. } = pending;
        if sent.is_some() {
            device.id = drawn.device; // a telephone's number is told with its confirmation
        }
        device.bound_at = now;
        device.last_used = Some(now);
        if let Some(old) = replaces.and_then(|old| person.device(old)) {
            old.retire("revoked");
        }
        person.forgive(class);
        let id = device.id;
        person.bind(device, now);
        let codes = person.first_recovery_codes(drawn);
        let answer = format!("accepted {id} epoch {} recovery codes {codes}", person.epoch);
        self.write(who, person, done(answer), now)
    }

    /// What is answered before anything is evaluated: nobody, disabled, waiting, no code.
    fn gate(
        &self,
        who: &str,
        class: &str,
        well_formed: bool,
        now: Time,
    ) -> Result<Person, Box<Turn>> {
        let n = &self.numbers;
        if !self.is_open(who) {
            let mut nobody = Failures::default();
            nobody.charge(n, now);
            return Err(Box::new(answered(match well_formed {
                true => format!("rejected {}", nobody.tries_left(n, now)),
                false => "malformed".into(),
            })));
        }
        let person = self.people[who].clone();
        if person.is_disabled(class) {
            return Err(Box::new(answered("disabled")));
        }
        if let Some(until) = person.waits(class, n, now) {
            return Err(Box::new(answered(format!("wait {until}"))));
        }
        if !well_formed {
            return Err(Box::new(answered("malformed")));
        }
        Ok(person)
    }

    fn accepted(
        &mut self,
        who: &str,
        mut person: Person,
        device: Option<u64>,
        method: &str,
        purpose: &str,
        now: Time,
    ) -> Turn {
        if method != "emergency" {
            person.forgive(class_of(method));
        }
        let proof = Proof {
            account: who.into(),
            device,
            method: method.into(),
            purpose: purpose.into(),
            epoch: person.epoch,
            at: now,
        };
        let turn = Turn { proof: Some(proof), ..done("accepted") };
        self.write(who, person, turn, now)
    }

    fn failed(&mut self, who: &str, mut person: Person, class: &'static str, now: Time) -> Turn {
        let n = self.numbers;
        let failures = person.failures.entry(class).or_default();
        failures.charge(&n, now);
        let left = failures.tries_left(&n, now);
        if failures.consecutive >= n.disable_at {
            let hit = |device: &&mut Device| device.in_use() && class_of(&device.method) == class;
            person.devices.iter_mut().filter(hit).for_each(|device| device.retire("disabled"));
            person.pending.take_if(|pending| class_of(&pending.device.method) == class);
            match (class, &person.recovery) {
                ("recovery", Some(Recovery::Codes(codes))) => {
                    let one_was_spent = codes.iter().any(|(_, spent)| *spent);
                    person.recovery = Some(Recovery::Dead { one_was_spent });
                }
                ("out-of-band", _) => person.sms = None,
                ("external", _) => person.external = None,
                _ => {}
            }
        }
        self.write(who, person, done(format!("rejected {left}")), now)
    }

    fn write(&mut self, who: &str, mut person: Person, turn: Turn, now: Time) -> Turn {
        person.tidy(now);
        self.people.insert(who.into(), person);
        turn
    }

    /// There is a record, and it is no leaver's.
    fn is_open(&self, who: &str) -> bool {
        self.people.get(who).is_some_and(|person| person.offboarded_at.is_none())
    }
}

/// The highest factor in the window that is unused and shows the code.
fn find(device: &Device, n: &Numbers, typed: &str, now: Time) -> Option<i128> {
    match &device.factor {
        Factor::Totp { generator, last_step, offset, .. } => {
            let middle = generator.step(now)? + offset + remembered_drift(device, n, now);
            let unused = |step: &i128| last_step.is_none_or(|last| *step > last);
            let mut window = middle - n.window_back..=middle + n.window_forward;
            window.rfind(|step| unused(step) && generator.shows(*step, typed))
        }
        Factor::Hotp { generator, next } => {
            let first = i128::try_from(*next).unwrap();
            let ahead = i128::try_from(n.look_ahead).unwrap();
            (first..first + ahead).rfind(|counter| generator.shows(*counter, typed))
        }
        _ => None,
    }
}

fn accept(device: &mut Device, n: &Numbers, factor: i128, now: Time) {
    let remembered = remembered_drift(device, n, now);
    match &mut device.factor {
        Factor::Totp { generator, last_step, drift, offset } => {
            let seen = factor - generator.step(now).unwrap() - *offset;
            let moved = remembered + (seen - remembered).signum();
            *drift = moved.clamp(-n.drift_limit, n.drift_limit);
            *last_step = Some(factor);
        }
        Factor::Hotp { next, .. } => *next = u128::try_from(factor).unwrap() + 1,
        _ => {}
    }
    device.last_used = Some(now);
}

fn remembered_drift(device: &Device, n: &Numbers, now: Time) -> i128 {
    let idle = now.saturating_sub(device.last_used.unwrap_or(device.bound_at));
    match &device.factor {
        Factor::Totp { drift, .. } if idle <= n.drift_memory => *drift,
        _ => 0,
    }
}

// The changes.
impl World {
    #[allow(clippy::too_many_arguments)]
    pub fn enrol(
        &mut self,
        who: &str,
        label: &str,
        factor: impl FnOnce(&Drawn) -> Factor,
        method: &str,
        replaces: Option<u64>,
        proof: Option<&Proof>,
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
        if no_text(label, 64) {
            return answered("error text");
        }
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let until = now + self.numbers.pending_lifetime;
        if let Err(refusal) = self.may_bind(who, proof, now) {
            return refused(&refusal);
        }
        let room = match replaces {
            None => person.has_room(method),
            Some(old) => match person.device(old).cloned() {
                Some(old) if old.in_use() && class_of(&old.method) == class_of(method) => Ok(()),
                Some(old) if old.in_use() || old.status == "disabled" => person.has_room(method),
                _ => Err("NoSuchDevice".into()),
            },
        };
        if let Err(refusal) = room {
            return refused(&refusal);
        }
        // The same secret as a device in use already: its codes would count twice.
        let factor = factor(drawn);
        if let Some(generator) = factor.generator() {
            let same = |device: &Device| {
                device.factor.generator().is_some_and(|held| held.secret == generator.secret)
            };
            if person.devices.iter().any(same) {
                return refused("AlreadyBound");
            }
        }
        person.pending = Some(Pending {
            id: drawn.id,
            until,
            device: new_device(drawn.device, label, method, factor, now),
            replaces,
            sent: None,
        });
        self.write(who, person, done(format!("done until {until}")), now)
    }

    pub fn enrol_phone(
        &mut self,
        who: &str,
        label: &str,
        proof: Option<&Proof>,
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
        if no_text(label, 64) {
            return answered("error text");
        }
        let n = self.numbers;
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let allowed = self.may_bind(who, proof, now).and_then(|()| person.may_send(&n, now));
        if let Err(refusal) = allowed {
            return refused(&refusal);
        }
        let until = now + n.pending_lifetime.min(n.challenge_lifetime);
        let old = person.devices.iter().find(|device| device.in_use() && device.method == "sms");
        let replaces = old.map(|old| old.id);
        person.pending = Some(Pending {
            id: drawn.id,
            until,
            device: new_device(drawn.device, label, "sms", Factor::Phone, now),
            replaces,
            sent: Some((drawn.code.clone(), 0)),
        });
        person.last_code_sent = Some(now);
        self.write(who, person, done(format!("done until {until}")), now)
    }

    pub fn bind_external(
        &mut self,
        who: &str,
        label: &str,
        method: &str,
        proof: Option<&Proof>,
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
        if no_text(label, 64) {
            return answered("error text");
        }
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let allowed = self.may_bind(who, proof, now).and_then(|()| person.has_room(method));
        if let Err(refusal) = allowed {
            return refused(&refusal);
        }
        person.forgive("external");
        person.bind(new_device(drawn.device, label, method, Factor::External, now), now);
        let codes = person.first_recovery_codes(drawn);
        let answer = format!("done {} epoch {} recovery codes {codes}", drawn.device, person.epoch);
        self.write(who, person, done(answer), now)
    }

    pub fn import(&mut self, who: &str, existing: &Existing, drawn: &Drawn, now: Time) -> Turn {
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let secret = Some(&existing.generator.secret);
        let same = |device: &Device| device.factor.generator().map(|held| &held.secret) == secret;
        let used_here = |device: &Device| !device.imported || device.last_used.is_some();
        let method = if existing.generator.steps.is_some() { "totp" } else { "hotp" };
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        if person.devices.iter().any(same) {
            return refused("AlreadyBound");
        }
        if person.recovery.is_some() || person.devices.iter().any(used_here) {
            return refused("ProofRequired");
        }
        if let Err(refusal) = person.has_room(method) {
            return refused(&refusal);
        }
        let mut factor = existing.factor();
        if let Factor::Totp { generator, last_step, .. } = &mut factor {
            *last_step = last_step.or(generator.step(now)); // else everything so far is used
        }
        let mut device = new_device(drawn.device, &existing.label, method, factor, now);
        device.imported = true;
        person.bind(device, now);
        self.write(who, person, done(format!("done {}", drawn.device)), now)
    }

    pub fn challenge(&mut self, who: &str, purpose: &str, drawn: &Drawn, now: Time) -> Turn {
        let n = self.numbers;
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        let phone = person.devices.iter().find(|device| device.in_use() && device.method == "sms");
        let Some(phone) = phone.map(|phone| phone.id) else { return refused("NothingBound") };
        if !person.sms_permits(purpose) {
            return refused("NotPermitted");
        }
        if let Err(refusal) = person.may_send(&n, now) {
            return refused(&refusal);
        }
        let until = now + n.challenge_lifetime;
        let sent = Some((drawn.code.clone(), phone, 0));
        person.sms = Some(Challenge { id: drawn.id, purpose: purpose.into(), until, sent });
        person.last_code_sent = Some(now);
        self.write(who, person, done(format!("done until {until}")), now)
    }

    pub fn start_external(&mut self, who: &str, purpose: &str, drawn: &Drawn, now: Time) -> Turn {
        let n = self.numbers;
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        if person.in_use("external") == 0 {
            return refused("NothingBound");
        }
        if let Some(until) = person.waits("external", &n, now) {
            return refused(&format!("TooSoon {until}"));
        }
        let until = now + n.challenge_lifetime;
        let purpose = purpose.into();
        person.external = Some(Challenge { id: drawn.id, purpose, until, sent: None });
        self.write(who, person, done(format!("done until {until}")), now)
    }

    pub fn regenerate(&mut self, who: &str, proof: &Proof, drawn: &Drawn, now: Time) -> Turn {
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if let Err(refusal) = self.own_proof(who, Some(proof), "change-factors", now) {
            return refused(&refusal);
        }
        if !person.devices.iter().any(Device::in_use) {
            return refused("NothingBound");
        }
        person.change_epoch();
        person.forgive("recovery");
        let codes = person.issue_recovery_codes(drawn);
        self.write(who, person, done(format!("done recovery codes {codes}")), now)
    }

    pub fn revoke(&mut self, who: &str, device: u64, proof: &Proof, now: Time) -> Turn {
        if let Err(refusal) = self.authority(who, proof, "change-factors", now) {
            return refused(&refusal);
        }
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let in_use = person.devices.iter().filter(|device| device.in_use()).count();
        match person.device(device) {
            Some(found) if found.in_use() && in_use == 1 => return refused("LastFactor"),
            Some(found) if found.in_use() || found.status == "disabled" => found.retire("revoked"),
            _ => return refused("NoSuchDevice"),
        }
        person.change_epoch();
        person.forget_oldest();
        self.write(who, person, done("done"), now)
    }

    pub fn report_lost(&mut self, who: &str, device: u64, proof: &Proof, now: Time) -> Turn {
        if let Err(refusal) = self.authority(who, proof, &proof.purpose, now) {
            return refused(&refusal);
        }
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        match person.device(device) {
            Some(found) if found.in_use() || found.status == "disabled" => found.retire("lost"),
            _ => return refused("NoSuchDevice"),
        }
        person.change_epoch();
        person.forget_oldest();
        self.write(who, person, done("done"), now)
    }

    pub fn reset(&mut self, who: &str, operator: &Proof, reason: &str, now: Time) -> Turn {
        if no_text(reason, 200) {
            return answered("error text");
        }
        if let Err(refusal) = self.operator_proof(who, operator, now) {
            return refused(&refusal);
        }
        let Some(mut person) = self.people.get(who).cloned() else {
            return refused("NothingBound");
        };
        person.retire_all();
        person.failures.clear();
        person.reenrol_until = Some(now + self.numbers.reset_lifetime);
        person.change_epoch();
        self.write(who, person, done("done"), now)
    }

    pub fn grant_emergency_access(
        &mut self,
        who: &str,
        operator: &Proof,
        secs: u128,
        reason: &str,
        now: Time,
    ) -> Turn {
        if no_text(reason, 200) {
            return answered("error text");
        }
        if let Err(refusal) = self.operator_proof(who, operator, now) {
            return refused(&refusal);
        }
        let Some(mut person) = self.people.get(who).cloned() else {
            return refused("NothingBound");
        };
        let until = now + secs.min(self.numbers.emergency_lifetime);
        person.emergency_until = Some(until);
        self.write(who, person, done(format!("done until {until}")), now)
    }

    pub fn offboard(&mut self, who: &str, reason: &str, now: Time) -> Turn {
        if no_text(reason, 200) {
            return answered("error text");
        }
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        person.retire_all();
        person.reenrol_until = None;
        person.offboarded_at = Some(now);
        person.change_epoch();
        self.write(who, person, done("done"), now)
    }

    fn may_bind(&self, who: &str, proof: Option<&Proof>, now: Time) -> Result<(), String> {
        let person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return Err("Offboarded".into());
        }
        let reset = person.reenrol_until.is_some_and(|until| now <= until);
        match proof {
            Some(_) => self.own_proof(who, proof, "change-factors", now),
            None if person.first_bound_at.is_none() || reset => Ok(()),
            None => Err("ProofRequired".into()),
        }
    }

    fn own_proof(
        &self,
        who: &str,
        proof: Option<&Proof>,
        purpose: &str,
        now: Time,
    ) -> Result<(), String> {
        let person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return Err("Offboarded".into());
        }
        let proof = proof.ok_or("ProofRequired")?;
        let fits = proof.account == who && proof.purpose == purpose && proof.epoch == person.epoch;
        if !fits || !self.people.contains_key(who) {
            return Err("ProofUnfit".into());
        }
        self.fresh(proof, now)?;
        let permitted = match proof.method.as_str() {
            "sms" => person.sms_permits(purpose),
            method => permits(method, purpose),
        };
        if permitted { Ok(()) } else { Err("NotPermitted".into()) }
    }

    fn operator_proof(&self, who: &str, proof: &Proof, now: Time) -> Result<(), String> {
        if self.people.get(who).is_some_and(|person| person.offboarded_at.is_some()) {
            return Err("Offboarded".into());
        }
        if proof.account == who {
            return Err("OwnAccount".into());
        }
        let current = self.is_open(&proof.account)
            && self.people[&proof.account].epoch == proof.epoch
            && proof.purpose == "act-for-other";
        if !current {
            return Err("ProofUnfit".into());
        }
        self.fresh(proof, now)
    }

    fn authority(&self, who: &str, proof: &Proof, purpose: &str, now: Time) -> Result<(), String> {
        match proof.account == who {
            true => self.own_proof(who, Some(proof), purpose, now),
            false => self.operator_proof(who, proof, now),
        }
    }

    fn fresh(&self, proof: &Proof, now: Time) -> Result<(), String> {
        let from_the_future = proof.at > now + MINUTE;
        let too_old = now.saturating_sub(proof.at) > self.numbers.proof_age;
        if from_the_future || too_old { Err("ProofExpired".into()) } else { Ok(()) }
    }
}

fn new_device(id: u64, label: &str, method: &str, factor: Factor, now: Time) -> Device {
    Device {
        id,
        label: label.into(),
        method: method.into(),
        status: "confirmed".into(), // once it is among the devices
        bound_at: now,
        last_used: None,
        imported: false,
        factor,
    }
}

// What everybody may see.
impl World {
    /// The summary, line by line, as `text::of` prints the library's.
    pub fn summary(&self, who: &str, now: Time) -> String {
        let Some(person) = self.people.get(who) else { return "no record\n".into() };
        let n = &self.numbers;
        let (mut left, mut due) = (0, false);
        match &person.recovery {
            Some(Recovery::Codes(codes)) => {
                left = codes.iter().filter(|(_, spent)| !*spent).count();
                due = codes.iter().any(|(_, spent)| *spent);
            }
            Some(Recovery::Dead { one_was_spent }) => due = *one_was_spent,
            None => {}
        }
        let pending = person.pending.as_ref().map(|pending| pending.until);
        let mut text = format!(
            "epoch {}\nfirst bound {}\noffboarded {}\npending until {}\nemergency until {}\n\
             recovery codes {left}, replacement due {due}\n",
            person.epoch,
            moment(person.first_bound_at),
            moment(person.offboarded_at),
            moment(pending.filter(|until| *until >= now)),
            moment(person.emergency_until.filter(|until| *until >= now)),
        );
        for class in ["codes", "recovery", "out-of-band", "external"] {
            text += &format!(
                "{class}: failures {}, waiting until {}, disabled {}\n",
                person.failures(class).consecutive,
                moment(person.waits(class, n, now)),
                person.is_disabled(class),
            );
        }
        for device in &person.devices {
            let (drift, offset) = match &device.factor {
                Factor::Totp { drift, offset, .. } => (*drift, *offset),
                _ => (0, 0),
            };
            let secret = device.factor.generator().map_or(usize::MAX, |held| held.secret.len());
            text += &format!(
                "device {:016x} {} {} {:?}: bound {}, last used {}, drift {drift}, offset \
                 {offset}, short secret {}, imported {}\n",
                device.id,
                device.method,
                device.status,
                device.label,
                device.bound_at,
                moment(device.last_used),
                secret < 16,
                device.imported,
            );
        }
        text
    }
}

fn moment(at: Option<Time>) -> String {
    at.map_or("-".into(), |at| at.to_string())
}
