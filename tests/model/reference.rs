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

const YEAR: Time = 365 * DAY;

/// Whether something of `secs` seconds that began then is going on: not a minute before it began, for
/// hosts whose clocks differ, and not a second after its end.
fn lasts(began: Time, secs: Time, now: Time) -> bool {
    began <= now + MINUTE && now <= began + secs
}

/// The numbers of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub window_back: i128,
    pub window_forward: i128,
    pub look_ahead: u128,
    pub clock_reach: Time,
    pub counter_reach: i128,
    pub drift_limit: i128,
    pub drift_memory: Time,
    pub free: u128,
    pub first_wait: Time,
    pub longest_wait: Time,
    pub closed_at: u128,
    pub per_thirty_days: u128,
    /// For all remembered browsers together, in a row and in thirty days.
    pub remembered: u128,
    pub pending_lifetime: Time,
    pub pending_tries: u128,
    pub recovery_codes: usize,
    pub challenge_lifetime: Time,
    pub challenge_tries: u128,
    pub challenge_interval: Time,
    pub proof_age: Time,
    pub pass_lifetime: Time,
    pub emergency_lifetime: Time,
}

impl Numbers {
    /// The table of the recommended policy.
    pub const RECOMMENDED: Numbers = Numbers {
        window_back: 1,
        window_forward: 1,
        look_ahead: 5,
        clock_reach: 600,
        counter_reach: 1000,
        drift_limit: 2,
        drift_memory: THIRTY_DAYS,
        free: 4,
        first_wait: 30,
        longest_wait: 3600,
        closed_at: 80,
        per_thirty_days: 50,
        remembered: 20,
        pending_lifetime: 600,
        pending_tries: 5,
        recovery_codes: 10,
        challenge_lifetime: 300,
        challenge_tries: 5,
        challenge_interval: 30,
        proof_age: 300,
        pass_lifetime: DAY,
        emergency_lifetime: 14_400,
    };

    /// The end of a row, and of thirty days.
    fn ends(&self, lane: &str) -> (u128, u128) {
        match lane {
            "unknown" => (self.closed_at, self.per_thirty_days),
            _ => (self.remembered, self.remembered),
        }
    }
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
    /// "confirmed", "lost" or "revoked".
    pub status: String,
    pub bound_at: Time,
    pub last_used: Option<Time>,
    pub imported: bool,
    /// When its probation began.
    pub probation: Option<Time>,
    /// Bound with the password alone.
    pub openly: bool,
    pub factor: Factor,
}

impl Device {
    pub fn in_use(&self) -> bool {
        self.status == "confirmed"
    }

    /// The highest moving factor that is used up.
    fn last(&self) -> Option<i128> {
        match &self.factor {
            Factor::Totp { last_step, .. } => *last_step,
            Factor::Hotp { next, .. } => {
                i128::try_from(*next).unwrap().checked_sub(1).filter(|l| *l >= 0)
            }
            _ => None,
        }
    }

    /// How far its clock is ahead of ours, in steps: what two codes taught, for a year, and what single
    /// ones taught, for a month.
    fn learnt(&self, n: &Numbers, now: Time) -> (i128, i128) {
        let Factor::Totp { drift, offset, .. } = &self.factor else { return (0, 0) };
        let idle = now.saturating_sub(self.last_used.unwrap_or(self.bound_at));
        let offset = if idle <= YEAR { *offset } else { 0 };
        let drift = if idle <= n.drift_memory { *drift } else { 0 };
        (offset, drift.clamp(-n.drift_limit, n.drift_limit))
    }

    /// Every moving factor whose code is good now, in rising order.
    fn acceptable(&self, n: &Numbers, now: Time) -> Vec<i128> {
        let mut all = self.window(n, now);
        all.retain(|factor| *factor >= 0 && self.last().is_none_or(|last| *factor > last));
        all
    }

    /// Every moving factor that is looked at.
    fn window(&self, n: &Numbers, now: Time) -> Vec<i128> {
        let mut all: Vec<i128> = match &self.factor {
            _ if !self.in_use() => Vec::new(),
            Factor::Totp { generator, .. } => {
                let Some(step) = generator.step(now) else { return Vec::new() };
                let (offset, drift) = self.learnt(n, now);
                let around = |middle: i128| middle - n.window_back..=middle + n.window_forward;
                around(step).chain(around(step + offset + drift)).collect()
            }
            Factor::Hotp { next, .. } if *next >= 1 << 64 => vec![(1 << 64) - 2, (1 << 64) - 1],
            Factor::Hotp { next, .. } => {
                let next = i128::try_from(*next).unwrap();
                (next - 1..next + i128::try_from(n.look_ahead).unwrap()).collect()
            }
            _ => Vec::new(),
        };
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[derive(Clone, Debug)]
pub struct Pending {
    id: [u8; 16],
    at: Time,
    device: Device,
    replaces: Option<u64>,
    /// Whether a proof allowed it.
    proven: bool,
    failures: u128,
    /// The code sent to a telephone.
    sent: Option<String>,
}

impl Pending {
    fn lifetime(&self, n: &Numbers) -> Time {
        match self.sent {
            Some(_) => n.pending_lifetime.min(n.challenge_lifetime),
            None => n.pending_lifetime,
        }
    }

    fn is_live(&self, n: &Numbers, now: Time) -> bool {
        lasts(self.at, self.lifetime(n), now)
    }
}

/// The last enrolment that was confirmed, and with what.
#[derive(Clone, Debug)]
struct Confirmed {
    id: [u8; 16],
    at: Time,
    device: u64,
    typed: Vec<String>,
}

/// A sent code that waits for its answer.
#[derive(Clone, Debug)]
struct Text {
    id: [u8; 16],
    purpose: String,
    at: Time,
    code: String,
    device: u64,
    /// Whether a remembered browser asked for it.
    remembered: bool,
    failures: u128,
}

/// A recovery code: its characters, how often its name came with wrong ones, whether it is spent.
#[derive(Clone, Debug)]
struct RecoveryCode {
    text: String,
    failures: u128,
    spent: bool,
}

impl RecoveryCode {
    fn is_open(&self) -> bool {
        !self.spent && self.failures < 100
    }
}

#[derive(Clone, Debug)]
struct RecoverySet {
    id: [u8; 16],
    codes: Vec<RecoveryCode>,
    seen: bool,
}

impl RecoverySet {
    /// Returns what became of the typed one: "accepted", "used", "counted" or "unknown".
    fn try_one(&mut self, typed: &str) -> &'static str {
        if let Some(code) = self.codes.iter_mut().find(|code| code.text == typed) {
            return match code.is_open() {
                true => {
                    code.spent = true;
                    "accepted"
                }
                false => "used",
            };
        }
        let same_name = |code: &&mut RecoveryCode| name_of(&code.text) == name_of(typed);
        match self.codes.iter_mut().find(same_name).filter(|code| code.is_open()) {
            Some(code) => {
                code.failures += 1;
                "counted"
            }
            None => "unknown",
        }
    }
}

/// The first 28 bits of a recovery code.
fn name_of(code: &str) -> String {
    let value = |character| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(character).unwrap();
    let bits: String = code.chars().take(6).map(|c| format!("{:05b}", value(c))).collect();
    bits[..28].to_owned()
}

/// The failures of one class in one lane.
#[derive(Clone, Debug, Default)]
struct Failures {
    row: u128,
    last: Option<Time>,
    /// Each one of the last thirty days, and what it weighs.
    recent: Vec<(Time, u128)>,
}

/// What may be done now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Gate {
    Open,
    Wait(Time),
    Closed,
}

impl Failures {
    fn weigh(&self, now: Time) -> u128 {
        let recent = self.recent.iter().filter(|(at, _)| at + THIRTY_DAYS > now);
        recent.map(|(_, weight)| weight).sum()
    }

    fn gate(&self, n: &Numbers, lane: &str, weight: u128, now: Time) -> Gate {
        let (end, limit) = n.ends(lane);
        if self.row >= end {
            return Gate::Closed;
        }
        let mut wait = 0;
        for _ in n.free..self.row {
            wait = if wait == 0 { n.first_wait } else { wait * 2 };
            wait = wait.min(n.longest_wait);
        }
        // A wait that has not begun was written by a wrong clock.
        let mut until = match self.last {
            Some(last) if last <= now + MINUTE => last.min(now) + wait,
            _ => 0,
        };
        // One more has to fit: the moments at which one is thirty days old are tried in turn.
        let mut moments = vec![now];
        moments.extend(self.recent.iter().map(|(at, _)| *at + THIRTY_DAYS));
        moments.retain(|moment| *moment >= now);
        moments.sort_unstable();
        let fits = |moment: &Time| {
            let left = self.recent.iter().filter(|(at, _)| *at + THIRTY_DAYS > *moment);
            left.map(|(_, weight)| weight).sum::<u128>() + weight <= limit
        };
        until = until.max(moments.into_iter().find(fits).unwrap());
        if until > now { Gate::Wait(until) } else { Gate::Open }
    }

    fn charge(&mut self, weight: u128, now: Time) {
        self.row += 1;
        self.last = Some(now);
        self.recent.push((now, weight));
    }

    fn end_row(&mut self) {
        (self.row, self.last) = (0, None);
    }

    /// By trying: how many more failures there can be before a wait or the end.
    fn tries_left(mut self, n: &Numbers, lane: &str, weight: u128, now: Time) -> u128 {
        let mut left = 0;
        while self.gate(n, lane, weight, now) == Gate::Open {
            self.charge(weight, now);
            left += 1;
        }
        left
    }
}

/// The failures of one class.
#[derive(Clone, Debug, Default)]
struct Budget {
    unknown: Failures,
    remembered: Failures,
    /// When the person emptied it.
    emptied: Vec<Time>,
}

impl Budget {
    /// A remembered browser has a budget of its own; without any left it is as an unknown one.
    fn lane(&self, n: &Numbers, remembered: bool, weight: u128, now: Time) -> &'static str {
        let (end, limit) = n.ends("remembered");
        let has_left = self.remembered.row < end && self.remembered.weigh(now) + weight <= limit;
        if remembered && has_left { "remembered" } else { "unknown" }
    }

    fn of(&self, lane: &str) -> &Failures {
        if lane == "unknown" { &self.unknown } else { &self.remembered }
    }

    fn of_mut(&mut self, lane: &str) -> &mut Failures {
        if lane == "unknown" { &mut self.unknown } else { &mut self.remembered }
    }

    fn succeed(&mut self) {
        self.unknown.end_row();
        self.remembered.end_row();
    }

    /// Says whether there was something to forgive.
    fn forgive(&mut self, by_operator: bool, now: Time) -> bool {
        let has_rows = self.unknown.row + self.remembered.row > 0;
        self.succeed();
        let is_empty = self.unknown.weigh(now) + self.remembered.weigh(now) == 0;
        let emptied = self.emptied.iter().filter(|at| *at + THIRTY_DAYS > now).count();
        if is_empty || !by_operator && emptied >= 2 {
            return has_rows;
        }
        self.unknown.recent.clear();
        self.remembered.recent.clear();
        if !by_operator {
            self.emptied.push(now);
        }
        true
    }

    fn is_closed(&self, n: &Numbers) -> bool {
        self.unknown.row >= n.closed_at
    }

    fn is_disabled(&self, n: &Numbers) -> bool {
        self.is_closed(n) && self.remembered.row >= n.remembered
    }

    fn has_failed(&self, now: Time) -> bool {
        [&self.unknown, &self.remembered].iter().any(|lane| lane.row > 0 || lane.weigh(now) > 0)
    }

    /// Whether something was written by a clock ahead of this one.
    fn is_ahead(&self, now: Time) -> bool {
        self.unknown
            .recent
            .iter()
            .chain(&self.remembered.recent)
            .any(|(at, _)| *at > now + THIRTY_DAYS)
    }
}

/// What was in use once: the secret, the highest moving factor used, whether it was reported lost.
#[derive(Clone, Debug)]
struct Former {
    secret: Vec<u8>,
    last: Option<i128>,
    lost: bool,
}

/// A pass from an operator.
#[derive(Clone, Debug)]
struct Pass {
    kind: &'static str,
    at: Time,
    secs: Time,
    /// In one spelling.
    text: String,
    tries: u128,
}

impl Pass {
    fn is_short(&self) -> bool {
        self.text.len() == 8
    }

    fn is_live(&self, now: Time) -> bool {
        lasts(self.at, self.secs, now)
    }

    fn is_open(&self, now: Time) -> bool {
        self.is_live(now) && self.tries < if self.is_short() { 20 } else { 100 }
    }

    /// Whether a wrong text is a try at it.
    fn is_named(&self, typed: &str) -> bool {
        match (self.is_short(), typed.len()) {
            (true, 8) => true,
            (false, 28) => name_of(&self.text) == name_of(typed),
            _ => false,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The node that sealed the record.
    node: usize,
    pub epoch: u128,
    first_bound_at: Option<Time>,
    offboarded_at: Option<Time>,
    passes: Vec<Pass>,
    needs_pass: bool,
    pub devices: Vec<Device>,
    former: Vec<Former>,
    import_ended: bool,
    enrolment_began: Option<Time>,
    pending: Option<Pending>,
    confirmed: Option<Confirmed>,
    recovery: Option<RecoverySet>,
    old_recovery: Option<(Time, RecoverySet)>,
    texts: Vec<Text>,
    /// When a text was sent, and whether for a remembered browser.
    sent: Vec<(Time, bool)>,
    numbers_bound: Vec<Time>,
    /// Challenges and the person's own carried proofs, and carried proofs of operators.
    used: Used,
    used_for_other: Used,
    /// The remembered browsers, and when each was last used.
    browsers: Vec<(u64, Time)>,
    pub generation: u128,
    failures: BTreeMap<&'static str, Budget>,
}

/// What was used, by number and age; and what is as old as this moment has ended.
#[derive(Clone, Debug, Default)]
struct Used {
    list: Vec<([u8; 16], Time)>,
    ended: Time,
}

impl Used {
    fn has(&self, id: &[u8; 16], at: Time, lifetime: Time, now: Time) -> bool {
        let ended = at <= self.ended && lasts(self.ended, lifetime, now);
        ended || self.list.iter().any(|(used, _)| used == id)
    }

    fn push(&mut self, id: [u8; 16], at: Time) {
        self.list.push((id, at));
        if self.list.len() > 16 {
            let oldest = self.list.iter().map(|(_, at)| *at).min().unwrap();
            self.ended = self.ended.max(oldest);
            self.list.retain(|(_, at)| *at > oldest);
        }
    }
}

/// A proof that was carried, by a number that nothing else has.
#[derive(Clone, Debug)]
pub struct Carried {
    pub id: [u8; 16],
    pub proof: Proof,
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
    pub remembered: bool,
    /// When the probation began of what it binds.
    pub probation: Option<Time>,
}

/// What an operation came to.
#[derive(Debug)]
pub struct Turn {
    pub answer: String,
    pub wrote: bool,
    /// Whether nothing happened that is worth a note.
    pub silent: bool,
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
    /// The id of the recovery codes.
    pub set: [u8; 16],
    pub browser: u64,
    pub pass: String,
}

/// A browser's token: the browser, and the generation it was made in.
pub type Token = (u64, u128);

/// A challenge for a host's check, as its token says: its id, when it was made, and what for.
pub type Challenge = ([u8; 16], Time, String);

/// A device that exists already.
#[derive(Clone, Debug)]
pub struct Existing {
    pub label: String,
    pub generator: Generator,
    /// The last step, or the next counter.
    pub last_step: Option<i128>,
    pub next: u128,
    /// Seconds by which its clock is ahead of ours.
    pub clock_error: i128,
}

impl Existing {
    /// Everything up to `used` is used.
    fn factor(&self, used: Option<i128>) -> Factor {
        let generator = self.generator.clone();
        match generator.steps {
            Some((period, _)) => {
                let period = i128::try_from(period).unwrap();
                let offset = (self.clock_error + period / 2).div_euclid(period); // the nearest
                let last_step = self.last_step.max(used);
                Factor::Totp { generator, last_step, drift: 0, offset }
            }
            None => {
                let after = used.map_or(0, |used| u128::try_from(used + 1).unwrap());
                Factor::Hotp { generator, next: self.next.max(after) }
            }
        }
    }
}

/// Whose failures count together; nothing for what cannot be guessed.
fn class_of(method: &str) -> &'static str {
    match method {
        "totp" | "hotp" => "codes",
        "sms" => "out-of-band",
        _ => "",
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
        ("emergency", _) => purpose == "sign-in",
        ("pass", _) => purpose == "change-factors",
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

/// 28 characters of Crockford's base32, in one spelling; `None` if it is no recovery code.
fn canonical_recovery_code(typed: &str) -> Option<String> {
    canonical(typed).filter(|text| text.len() == 28)
}

fn canonical(typed: &str) -> Option<String> {
    let text = typed.replace([' ', '-'], "").to_uppercase();
    let text = text.replace('O', "0").replace(['I', 'L'], "1");
    let fits = text.chars().all(|c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c));
    Some(text).filter(|_| fits)
}

fn no_text(text: &str, most: usize) -> bool {
    text.is_empty() || text.len() > most || text.chars().any(char::is_control)
}

fn answered(answer: impl Into<String>) -> Turn {
    Turn { answer: answer.into(), wrote: false, silent: false, proof: None }
}

fn refused(refusal: &str) -> Turn {
    answered(format!("refused {refusal}"))
}

fn done(answer: impl Into<String>) -> Turn {
    Turn { answer: answer.into(), wrote: true, silent: false, proof: None }
}

impl Person {
    fn budget(&self, class: &str) -> Budget {
        self.failures.get(class).cloned().unwrap_or_default()
    }

    /// What a failure weighs: one for every three codes that would be accepted.
    fn weight(&self, class: &str, n: &Numbers, now: Time) -> u128 {
        let codes: usize = match class {
            "codes" => self.devices.iter().map(|device| device.acceptable(n, now).len()).sum(),
            _ => 1,
        };
        (codes as u128).div_ceil(3).max(1)
    }

    /// Whether a stranger would be let through now.
    fn strangers(&self, class: &str, n: &Numbers, now: Time) -> Gate {
        self.budget(class).unknown.gate(n, "unknown", self.weight(class, n, now), now)
    }

    /// A success ends the rows of both lanes.
    fn succeed(&mut self, class: &'static str, browser: Option<u64>, now: Time) {
        self.failures.entry(class).or_default().succeed();
        self.use_browser(browser, now);
    }

    fn use_browser(&mut self, browser: Option<u64>, now: Time) {
        let used = self.browsers.iter_mut().find(|(id, _)| Some(*id) == browser);
        if let Some((_, used_at)) = used {
            *used_at = now;
        }
    }

    pub fn remembers(&self, token: Option<Token>, now: Time) -> Option<u64> {
        let (id, generation) = token?;
        let (_, used_at) = self.browsers.iter().find(|(known, _)| *known == id)?;
        let is_good = generation == self.generation && lasts(*used_at, 90 * DAY, now);
        (is_good && self.offboarded_at.is_none()).then_some(id)
    }

    fn forget_browsers(&mut self) {
        self.browsers.clear();
        self.generation += 1;
    }

    pub fn device(&mut self, id: u64) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    fn holds(&self, secret: &[u8]) -> bool {
        let mut held = self.devices.iter().filter_map(|device| device.factor.generator());
        held.any(|held| held.secret == secret)
    }

    /// Any change of factors ends whatever was under way.
    fn change_epoch(&mut self) {
        self.epoch += 1;
        self.pending = None;
        self.texts.clear();
    }

    /// Sixteen former devices are remembered; revoked ones go first, then lost ones.
    fn forget_oldest(&mut self) {
        while self.devices.iter().filter(|device| !device.in_use()).count() > 16 {
            let oldest = |status| self.devices.iter().position(|device| device.status == status);
            let oldest = oldest("revoked").or(oldest("lost")).unwrap();
            self.devices.remove(oldest);
        }
    }

    fn bind(&mut self, device: Device, now: Time) {
        self.devices.push(device);
        self.first_bound_at = self.first_bound_at.or(Some(now));
        self.passes.clear();
        self.enrolment_began = None;
        self.change_epoch();
        self.forget_oldest();
    }

    /// Takes a device out of use, which ends imports. Its secret is remembered, as a hash.
    fn take_out(&mut self, id: u64, status: &str) {
        let Some(device) = self.device(id) else { return };
        let secret = device.factor.generator().map(|generator| generator.secret.clone());
        let (last, lost) = (device.last(), status == "lost");
        device.status = status.into();
        device.factor = Factor::Gone;
        self.import_ended = true;
        if let Some(secret) = secret.filter(|_| self.former.len() < 64) {
            self.former.push(Former { secret, last, lost });
        }
    }

    fn retire_all(&mut self) {
        let in_use = self.devices.iter().filter(|device| device.in_use());
        for id in in_use.map(|device| device.id).collect::<Vec<_>>() {
            self.take_out(id, "revoked");
        }
        self.import_ended = true;
        (self.recovery, self.old_recovery) = (None, None);
        self.passes.clear();
        self.confirmed = None;
        self.forget_browsers();
        self.forget_oldest();
    }

    /// Codes come with the first factor.
    fn first_recovery_codes(&mut self, drawn: &Drawn, now: Time) -> String {
        if self.recovery.is_some() {
            return "none".into();
        }
        self.issue_recovery_codes(drawn, false, now)
    }

    /// The set before lives until the new one is seen, or for a day; one that nobody saw does not take
    /// its place.
    fn issue_recovery_codes(&mut self, drawn: &Drawn, leaked: bool, now: Time) -> String {
        let code = |code: &String| RecoveryCode {
            text: canonical_recovery_code(code).unwrap(),
            failures: 0,
            spent: false,
        };
        let codes = drawn.recovery_codes.iter().map(code).collect();
        let lives = self.old_recovery.as_ref().is_some_and(|(at, _)| lasts(*at, DAY, now));
        let before = self.recovery.replace(RecoverySet { id: drawn.set, codes, seen: false });
        if let Some(before) = before.filter(|set| set.seen || !lives) {
            self.old_recovery = Some((now, before));
        }
        if leaked {
            self.old_recovery = None;
        }
        drawn.recovery_codes.len().to_string()
    }

    /// Has a pass in the place of the one before it.
    fn issue(&mut self, kind: &'static str, secs: Time, drawn: &Drawn, now: Time) -> Turn {
        let text = canonical(&drawn.pass).unwrap();
        let secs = if text.len() == 8 { secs.min(600) } else { secs };
        self.passes.retain(|pass| pass.kind != kind);
        self.passes.push(Pass { kind, at: now, secs, text, tries: 0 });
        done(format!("done until {}", now + secs))
    }

    /// An operator has taken the account in hand: only the pass opens it from now on.
    fn invite(&mut self, secs: Time, drawn: &Drawn, now: Time) -> Turn {
        (self.needs_pass, self.import_ended, self.enrolment_began) = (true, true, None);
        self.change_epoch();
        self.issue("enrolment", secs, drawn, now)
    }

    /// Whether there is a pass to enrol with that has not been entered too often.
    pub fn is_invited(&self, now: Time) -> bool {
        self.passes.iter().any(|pass| pass.kind == "enrolment" && pass.is_open(now))
    }

    fn has_room(&self, method: &str) -> Result<(), String> {
        let room = match class_of(method) {
            "codes" => 5,
            "out-of-band" => 1,
            _ => 8,
        };
        let same =
            |device: &&Device| device.in_use() && class_of(&device.method) == class_of(method);
        match self.devices.iter().filter(same).count() < room {
            true => Ok(()),
            false => Err("TooManyDevices".into()),
        }
    }

    /// The factor of a secret that exists already: not one in use, not one that was lost, and one that
    /// was in use before only above what was used.
    pub fn admit(&self, n: &Numbers, existing: &Existing) -> Result<Factor, String> {
        let secret = &existing.generator.secret;
        if existing.clock_error.unsigned_abs() > n.clock_reach {
            return Err("ClockTooFar".into());
        }
        if self.holds(secret) {
            return Err("AlreadyBound".into());
        }
        let same: Vec<_> = self.former.iter().filter(|former| former.secret == *secret).collect();
        if same.iter().any(|former| former.lost) {
            return Err("ReportedLost".into());
        }
        if self.former.len() >= 64 {
            return Err("TooManyFormerDevices".into());
        }
        Ok(existing.factor(same.iter().filter_map(|former| former.last).max()))
    }

    /// A text message serves a change of factors only while nothing stronger is bound.
    fn sms_permits(&self, purpose: &str) -> bool {
        let stronger =
            |device: &Device| device.status != "revoked" && rank(&device.method) > rank("sms");
        permits("sms", purpose)
            && !(purpose == "change-factors" && self.devices.iter().any(stronger))
    }

    /// Ten a day, and from unknown browsers eight, of which five at once; the next ones come back one in
    /// a fifth of a day.
    fn may_send(&self, n: &Numbers, remembered: bool, now: Time) -> Result<(), String> {
        let budget = self.budget("out-of-band");
        let lane = budget.lane(n, remembered, 1, now);
        match budget.of(lane).gate(n, lane, 1, now) {
            Gate::Open => {}
            Gate::Wait(until) => return Err(format!("TooSoon {until}")),
            Gate::Closed => return Err("NotPermitted".into()),
        }
        let sent: Vec<_> = self.sent.iter().filter(|(at, _)| at + DAY >= now).collect();
        let mut until = 0;
        let limit = if remembered { 10 } else { 8 };
        if sent.len() >= limit {
            until = sent[sent.len() - limit].0 + DAY + 1;
        }
        if !remembered {
            let mut all_back = 0;
            for (at, _) in sent.iter().filter(|(_, remembered)| !remembered) {
                all_back = all_back.max(*at) + DAY / 5;
            }
            until = until.max(all_back.saturating_sub(DAY / 5 * 4));
        }
        if until > now { Err(format!("TooSoon {until}")) } else { Ok(()) }
    }

    /// What every write does besides: what has run out is dropped.
    fn tidy(&mut self, n: &Numbers, now: Time) {
        self.pending.take_if(|pending| pending.at + pending.lifetime(n) < now);
        self.confirmed.take_if(|done| done.at + n.pending_lifetime < now);
        self.texts.retain(|text| text.at + n.challenge_lifetime >= now);
        self.passes.retain(|pass| pass.at + pass.secs + DAY >= now); // to say that it is over
        // What lies further ahead than it lasts was written by a wrong clock: it counts from now.
        let set_right = |at: &mut Time, secs: Time| {
            if *at > now + secs {
                *at = now;
            }
        };
        self.sent.iter_mut().for_each(|(at, _)| set_right(at, DAY));
        self.numbers_bound.iter_mut().for_each(|at| set_right(at, DAY));
        self.browsers.iter_mut().for_each(|(_, used_at)| set_right(used_at, 90 * DAY));
        for budget in self.failures.values_mut() {
            let Budget { unknown, remembered, emptied } = budget;
            let failures = unknown.recent.iter_mut().chain(&mut remembered.recent);
            failures.for_each(|(at, _)| set_right(at, THIRTY_DAYS));
            emptied.iter_mut().for_each(|at| set_right(at, THIRTY_DAYS));
        }
    }
}

/// Everybody.
#[derive(Clone, Debug)]
pub struct World {
    pub numbers: Numbers,
    pub people: BTreeMap<String, Person>,
    /// Who the last write replaced.
    before: Option<Person>,
}

impl World {
    pub fn new(numbers: Numbers) -> World {
        World { numbers, people: BTreeMap::new(), before: None }
    }
}

/// From where an attempt comes, where its failure counts, and what it weighs.
struct Origin {
    browser: Option<u64>,
    lane: &'static str,
    weight: u128,
}

impl Origin {
    fn with_budget(&self) -> Option<u64> {
        self.browser.filter(|_| self.lane == "remembered")
    }
}

// The attempts.
impl World {
    pub fn verify(
        &mut self,
        who: &str,
        typed: &str,
        purpose: &str,
        token: Option<Token>,
        now: Time,
    ) -> Turn {
        let (n, typed) = (self.numbers, &*meant(typed));
        let (mut person, from) = match self.gate(who, "codes", is_code(typed), token, now) {
            Ok(open) => open,
            Err(turn) => return *turn,
        };
        let (mut hit, mut waits, mut is_repeated) = (None, false, false);
        for device in person.devices.iter_mut().filter(|device| device.in_use()) {
            match find(device, &n, typed, now) {
                Some(factor) => {
                    accept(device, &n, factor, now);
                    if on_probation(device, purpose, now) {
                        waits = true;
                    } else {
                        hit.get_or_insert((device.id, device.method.clone()));
                    }
                }
                None => is_repeated |= repeats(device, typed),
            }
        }
        // A code that two devices show is burnt on both; the first is the one that proved.
        if let Some((device, method)) = hit {
            return self.accepted(who, person, Some(device), &method, purpose, &from, now);
        }
        if waits {
            return self.write(who, person, done("refused"), now); // used up, and not counted
        }
        self.failed_or_repeated(who, person, is_repeated, &from, now)
    }

    /// The copy of what was used last is answered as a failure, and is none.
    fn failed_or_repeated(
        &mut self,
        who: &str,
        person: Person,
        is_repeated: bool,
        from: &Origin,
        now: Time,
    ) -> Turn {
        let turn = self.failed(who, person, "codes", from, now);
        if is_repeated {
            self.people.insert(who.into(), self.before.take().unwrap());
            return answered(turn.answer);
        }
        turn
    }

    pub fn resynchronise(
        &mut self,
        who: &str,
        device: u64,
        typed: [&str; 2],
        token: Option<Token>,
        now: Time,
    ) -> Turn {
        let (n, typed) = (self.numbers, typed.map(meant));
        let typed = typed.each_ref().map(String::as_str);
        let well_formed = typed.iter().all(|code| is_code(code));
        let (mut person, mut from) = match self.gate(who, "codes", well_formed, token, now) {
            Ok(open) => open,
            Err(turn) => return *turn,
        };
        from.weight = 1; // nobody guesses two codes in a row
        let found = person.device(device).filter(|device| device.in_use());
        let hit = found.and_then(|found| {
            let last = find_pair(found, &n, typed, now)?;
            teach(found, last, now);
            Some(())
        });
        if hit.is_none() {
            let repeats = |device: &Device| {
                let pair = device.factor.generator().zip(device.last());
                pair.is_some_and(|(generator, last)| {
                    generator.shows(last - 1, typed[0]) && generator.shows(last, typed[1])
                })
            };
            let found = person.device(device).filter(|device| device.in_use());
            let is_repeated = found.is_some_and(|device| repeats(device));
            return self.failed_or_repeated(who, person, is_repeated, &from, now);
        }
        person.succeed("codes", from.with_budget(), now);
        self.write(who, person, done(format!("accepted {device}")), now)
    }

    pub fn recover(
        &mut self,
        who: &str,
        typed: &str,
        purpose: &str,
        token: Option<Token>,
        now: Time,
    ) -> Turn {
        if !permits("recovery-code", purpose) {
            return answered("refused");
        }
        let Some(typed) = canonical_recovery_code(typed) else { return answered("malformed") };
        let rejected = "rejected 255"; // it never waits
        if !self.is_open(who) {
            return answered(rejected);
        }
        let mut person = self.people[who].clone();
        let from = Origin { browser: person.remembers(token, now), lane: "", weight: 0 };
        let newest = person.recovery.as_mut().map_or("unknown", |set| set.try_one(&typed));
        let old = person.old_recovery.as_mut().filter(|(at, _)| lasts(*at, DAY, now));
        let old = old.map_or("unknown", |(_, set)| set.try_one(&typed));
        if newest == "accepted" {
            person.recovery.as_mut().unwrap().seen = true;
            person.old_recovery = None;
        }
        if [newest, old].contains(&"accepted") {
            return self.accepted(who, person, None, "recovery-code", purpose, &from, now);
        }
        match [newest, old].contains(&"counted") {
            true => self.write(who, person, done(rejected), now),
            false => answered(rejected),
        }
    }

    pub fn answer(
        &mut self,
        who: &str,
        id: [u8; 16],
        typed: &str,
        purpose: &str,
        token: Option<Token>,
        now: Time,
    ) -> Turn {
        let (n, typed) = (self.numbers, &*meant(typed));
        if !self.people.contains_key(who) {
            return answered(if is_code(typed) { "expired" } else { "malformed" });
        }
        let (mut person, from) = match self.gate(who, "out-of-band", is_code(typed), token, now) {
            Ok(open) => open,
            Err(turn) => return *turn,
        };
        let live = |text: &Text| text.id == id && lasts(text.at, n.challenge_lifetime, now);
        let Some(at) = person.texts.iter().position(live) else { return answered("expired") };
        let mut text = person.texts.remove(at);
        let phone = person.device(text.device).filter(|device| device.in_use());
        let right = text.code == typed && text.purpose == purpose;
        if let Some(phone) = phone.filter(|_| right) {
            phone.last_used = Some(now);
            person.sent.clear(); // a success gives the texts back
            return self.accepted(who, person, Some(text.device), "sms", purpose, &from, now);
        }
        text.failures += 1;
        if text.failures < n.challenge_tries {
            person.texts.push(text);
        }
        self.failed(who, person, "out-of-band", &from, now)
    }

    /// `challenge` is nothing if the token is another person's, or no token at all.
    pub fn settle_external(
        &mut self,
        who: &str,
        challenge: Option<&Challenge>,
        (device, passed): (u64, bool),
        purpose: &str,
        token: Option<Token>,
        now: Time,
    ) -> Turn {
        let n = self.numbers;
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let live = |(id, at, _): &&Challenge| {
            let lifetime = n.challenge_lifetime;
            lasts(*at, lifetime, now) && !person.used.has(id, *at, lifetime, now)
        };
        let rejected = "rejected 255"; // a signature is no guess
        if person.offboarded_at.is_some() {
            return answered(rejected);
        }
        let Some((id, at, made_for)) = challenge.filter(live) else { return answered("expired") };
        let is_open = self.is_open(who);
        let known = |device: &&Device| device.in_use() && device_is_external(device);
        let found = person.devices.iter().filter(|found| found.id == device).find(known);
        let Some(method) = found.filter(|_| is_open).map(|found| found.method.clone()) else {
            return answered(rejected);
        };
        if made_for != purpose || !passed {
            return answered(rejected);
        }
        // One accepted check a second.
        let external = person.devices.iter().filter(|device| device_is_external(device));
        let last = external.filter_map(|device| device.last_used).max();
        if let Some(last) = last.filter(|last| (now..=now + MINUTE).contains(last)) {
            return answered(format!("wait {}", last + 1));
        }
        person.used.push(*id, *at);
        let found = person.device(device).unwrap();
        found.last_used = Some(now);
        if on_probation(found, purpose, now) {
            return self.write(who, person, done("refused"), now);
        }
        let from = Origin { browser: person.remembers(token, now), lane: "", weight: 0 };
        self.accepted(who, person, Some(device), &method, purpose, &from, now)
    }

    /// Of an operator, handed to the person.
    pub fn enter_pass(&mut self, who: &str, typed: &str, token: Option<Token>, now: Time) -> Turn {
        let typed = canonical(typed).filter(|typed| [8, 28].contains(&typed.len()));
        let Some(typed) = typed else { return answered("malformed") };
        let rejected = "rejected 255";
        if !self.is_open(who) {
            return answered(rejected);
        }
        let mut person = self.people[who].clone();
        let from = Origin { browser: person.remembers(token, now), lane: "", weight: 0 };
        if let Some(at) = person.passes.iter().position(|pass| pass.text == typed) {
            let pass = &mut person.passes[at];
            if !pass.is_live(now) {
                return answered("expired");
            }
            if !pass.is_open(now) {
                return answered(rejected);
            }
            pass.tries += 1;
            if pass.kind == "emergency" {
                person.passes.remove(at);
                return self.accepted(who, person, None, "emergency", "sign-in", &from, now);
            }
            return self.accepted(who, person, None, "pass", "change-factors", &from, now);
        }
        let mut tried = person.passes.iter_mut().filter(|pass| pass.is_open(now));
        let tried = tried.by_ref().filter(|pass| pass.is_named(&typed));
        match tried.map(|pass| pass.tries += 1).count() {
            0 => answered(rejected),
            _ => self.write(who, person, done(rejected), now),
        }
    }

    /// With one code, or with two in a row.
    pub fn confirm(
        &mut self,
        who: &str,
        id: [u8; 16],
        typed: &[&str],
        drawn: &Drawn,
        token: Option<Token>,
        now: Time,
    ) -> Turn {
        let n = self.numbers;
        let typed: Vec<String> = typed.iter().map(|typed| meant(typed)).collect();
        let typed: &[&str] = &typed.iter().map(String::as_str).collect::<Vec<_>>();
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let browser = person.remembers(token, now);
        let is_open = self.is_open(who);
        let live = |pending: &mut Pending| is_open && pending.id == id && pending.is_live(&n, now);
        if person.offboarded_at.is_some() {
            return answered(format!("rejected {}", n.pending_tries - 1));
        }
        let Some(mut pending) = person.pending.take_if(live) else {
            return answered(match is_open && person.is_confirmed_by(&n, id, typed, now) {
                true => "already-confirmed",
                false => "expired",
            });
        };
        if !typed.iter().all(|code| is_code(code)) {
            return answered("malformed");
        }
        let device = &mut pending.device;
        let right = match (&pending.sent, typed) {
            (Some(code), [typed]) => code == typed,
            (Some(_), _) => false,
            (None, [typed]) => {
                let hit = find(device, &n, typed, now);
                hit.map(|factor| accept(device, &n, factor, now)).is_some()
            }
            (None, [first, second]) => {
                let hit = find_pair(device, &n, [first, second], now);
                hit.map(|last| teach(device, last, now)).is_some()
            }
            _ => panic!("one code or two"),
        };
        if !right {
            pending.failures += 1;
            let left = n.pending_tries - pending.failures;
            person.pending = Some(pending).filter(|_| left > 0);
            return self.write(who, person, done(format!("rejected {left}")), now);
        }
        let Pending { mut device, replaces, sent, proven, .. } = pending;
        if sent.is_some() {
            device.id = drawn.device; // a telephone's number is told with its confirmation
            person.sent.clear();
        }
        device.bound_at = now;
        device.last_used = Some(now);
        if let Some(old) = replaces {
            person.take_out(old, "revoked");
        }
        let class = class_of(&device.method);
        person.use_browser(browser, now);
        // A first device as well: what failed before it were guesses at nothing.
        person.failures.entry(class).or_default().forgive(!proven, now);
        let device_id = device.id;
        let typed = typed.iter().map(|typed| (*typed).into()).collect();
        person.confirmed = Some(Confirmed { id, at: now, device: device_id, typed });
        person.bind(device, now);
        let codes = person.first_recovery_codes(drawn, now);
        let answer = format!("accepted {device_id} epoch {} recovery codes {codes}", person.epoch);
        self.write(who, person, done(answer), now)
    }

    /// What is answered before anything is evaluated: nobody, closed, waiting, no code. Else, the person
    /// and on what lane a failure counts.
    fn gate(
        &mut self,
        who: &str,
        class: &str,
        well_formed: bool,
        token: Option<Token>,
        now: Time,
    ) -> Result<(Person, Origin), Box<Turn>> {
        let n = self.numbers;
        if !self.is_open(who) {
            let mut nobody = Failures::default();
            nobody.charge(1, now);
            return Err(Box::new(answered(match well_formed {
                true => format!("rejected {}", nobody.tries_left(&n, "unknown", 1, now)),
                false => "malformed".into(),
            })));
        }
        let person = self.people[who].clone();
        let browser = person.remembers(token, now);
        let weight = person.weight(class, &n, now);
        let budget = person.budget(class);
        let lane = budget.lane(&n, browser.is_some(), weight, now);
        let no = match budget.of(lane).gate(&n, lane, weight, now) {
            Gate::Wait(until) => format!("wait {until}"),
            Gate::Closed => "closed".into(),
            Gate::Open if !well_formed => return Err(Box::new(answered("malformed"))),
            Gate::Open => return Ok((person, Origin { browser, lane, weight })),
        };
        // What a clock ahead wrote is set right, or it would hold until that clock is right.
        Err(Box::new(match budget.is_ahead(now) {
            true => self.write(who, person, done(no), now),
            false => answered(no),
        }))
    }

    #[allow(clippy::too_many_arguments)]
    fn accepted(
        &mut self,
        who: &str,
        mut person: Person,
        device: Option<u64>,
        method: &str,
        purpose: &str,
        from: &Origin,
        now: Time,
    ) -> Turn {
        // For codes, a browser without budget is as an unknown one.
        let is_code = class_of(method) == "codes";
        let browser = if is_code { from.with_budget() } else { from.browser };
        if !class_of(method).is_empty() {
            person.succeed(class_of(method), browser, now);
        }
        person.use_browser(browser, now);
        let proof = Proof {
            account: who.into(),
            device,
            method: method.into(),
            purpose: purpose.into(),
            epoch: person.epoch,
            at: now,
            remembered: browser.is_some(),
            probation: match method {
                "sms" | "recovery-code" => Some(now),
                _ => device.and_then(|device| person.device(device)?.probation),
            },
        };
        let turn = Turn { proof: Some(proof), ..done("accepted") };
        self.write(who, person, turn, now)
    }

    fn failed(
        &mut self,
        who: &str,
        mut person: Person,
        class: &'static str,
        from: &Origin,
        now: Time,
    ) -> Turn {
        let n = self.numbers;
        let failures = person.failures.entry(class).or_default().of_mut(from.lane);
        failures.charge(from.weight, now);
        let left = failures.clone().tries_left(&n, from.lane, from.weight, now);
        self.write(who, person, done(format!("rejected {left}")), now)
    }

    fn write(&mut self, who: &str, mut person: Person, turn: Turn, now: Time) -> Turn {
        person.tidy(&self.numbers, now);
        person.node = 0;
        self.before = self.people.insert(who.into(), person);
        turn
    }

    /// There is a record, and it is no leaver's.
    fn is_open(&self, who: &str) -> bool {
        self.people.get(who).is_some_and(|person| person.offboarded_at.is_none())
    }
}

impl Person {
    /// Whether the enrolment was confirmed a moment ago by just these codes.
    fn is_confirmed_by(&self, n: &Numbers, id: [u8; 16], typed: &[&str], now: Time) -> bool {
        let Some(done) = &self.confirmed else { return false };
        let device = self.devices.iter().find(|device| device.id == done.device);
        let known = device.is_some_and(Device::in_use);
        known && done.id == id && done.typed == typed && lasts(done.at, n.pending_lifetime, now)
    }
}

fn device_is_external(device: &Device) -> bool {
    matches!(device.factor, Factor::External)
}

/// The highest factor in the window that is unused and shows the code.
fn find(device: &Device, n: &Numbers, typed: &str, now: Time) -> Option<i128> {
    let generator = device.factor.generator()?;
    device.acceptable(n, now).into_iter().rfind(|factor| generator.shows(*factor, typed))
}

/// Whether it is the code that the device accepted last.
fn repeats(device: &Device, typed: &str) -> bool {
    let generator = device.factor.generator();
    generator.zip(device.last()).is_some_and(|(generator, last)| generator.shows(last, typed))
}

/// The factor of the second of two codes in a row, both unused, far around.
fn find_pair(device: &Device, n: &Numbers, typed: [&str; 2], now: Time) -> Option<i128> {
    let generator = device.factor.generator()?;
    let shows = |last: &i128| {
        device.last().is_none_or(|used| *last - 1 > used)
            && generator.shows(*last - 1, typed[0])
            && generator.shows(*last, typed[1])
    };
    match &device.factor {
        Factor::Totp { .. } => {
            let (period, _) = generator.steps?;
            let reach = i128::try_from(n.clock_reach.div_ceil(period)).unwrap();
            let present = generator.step(now)?;
            (present - reach + 1..=present + reach).rfind(shows)
        }
        Factor::Hotp { next, .. } => {
            let first = i128::try_from(*next).unwrap();
            (first + 1..first + n.counter_reach + 2).rfind(shows)
        }
        _ => None,
    }
}

/// Uses up the factor and all below. The drift goes a step towards what the code showed; a code that
/// only our own clock explains ends the offset.
fn accept(device: &mut Device, n: &Numbers, factor: i128, now: Time) {
    let (mut known_offset, mut known_drift) = device.learnt(n, now);
    match &mut device.factor {
        Factor::Totp { generator, last_step, drift, offset } => {
            let seen = factor - generator.step(now).unwrap();
            let around =
                |middle: i128| (middle - n.window_back..=middle + n.window_forward).contains(&seen);
            if known_offset != 0 && around(0) && !around(known_offset + known_drift) {
                (known_offset, known_drift) = (0, 0);
            }
            let moved = known_drift + (seen - known_offset - known_drift).signum();
            *drift = moved.clamp(-n.drift_limit, n.drift_limit);
            *offset = known_offset;
            *last_step = Some(factor);
        }
        Factor::Hotp { next, .. } => *next = u128::try_from(factor).unwrap() + 1,
        _ => {}
    }
    device.last_used = Some(now);
}

/// Uses up the factor and all below, and takes what it shows for the clock of the device.
fn teach(device: &mut Device, factor: i128, now: Time) {
    match &mut device.factor {
        Factor::Totp { generator, last_step, drift, offset } => {
            *last_step = Some(factor);
            (*offset, *drift) = (factor - generator.step(now).unwrap(), 0);
        }
        Factor::Hotp { next, .. } => *next = u128::try_from(factor).unwrap() + 1,
        _ => {}
    }
    device.last_used = Some(now);
}

// The changes.
impl World {
    #[allow(clippy::too_many_arguments)]
    pub fn enrol(
        &mut self,
        who: &str,
        label: &str,
        factor: impl FnOnce(&Person, &Drawn) -> Result<Factor, String>,
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
        if let Err(refusal) = self.may_start(who, proof, now) {
            return refused(&refusal);
        }
        let room = match replaces {
            None => person.has_room(method),
            Some(old) => match person.device(old).cloned() {
                Some(old) if old.in_use() && class_of(&old.method) == class_of(method) => Ok(()),
                Some(old) if old.in_use() => person.has_room(method),
                _ => Err("NoSuchDevice".into()),
            },
        };
        let factor = match room.and_then(|()| factor(&person, drawn)) {
            Ok(factor) => factor,
            Err(refusal) => return refused(&refusal),
        };
        person.pending = Some(Pending {
            id: drawn.id,
            at: now,
            device: Device {
                probation: proof.and_then(|proof| proof.probation),
                openly: proof.is_none(),
                ..new_device(drawn.device, label, method, factor, now)
            },
            replaces,
            proven: proof.is_some_and(|proof| proof.method != "pass"),
            failures: 0,
            sent: None,
        });
        person.enrolment_began = Some(now);
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
        if let Err(refusal) = self.may_bind(who, proof, now) {
            return refused(&refusal);
        }
        let mut bound = person.numbers_bound.iter().filter(|at| *at + DAY >= now);
        if bound.clone().count() >= 3 {
            return refused(&format!("TooSoon {}", bound.next().unwrap() + DAY + 1));
        }
        if let Err(refusal) = self.may_start(who, proof, now) {
            return refused(&refusal);
        }
        let until = now + n.pending_lifetime.min(n.challenge_lifetime);
        let old = person.devices.iter().find(|device| device.in_use() && device.method == "sms");
        let replaces = old.map(|old| old.id);
        person.pending = Some(Pending {
            id: drawn.id,
            at: now,
            device: Device {
                probation: proof.and_then(|proof| proof.probation),
                openly: proof.is_none(),
                ..new_device(drawn.device, label, "sms", Factor::Phone, now)
            },
            replaces,
            proven: proof.is_some_and(|proof| proof.method != "pass"),
            failures: 0,
            sent: Some(drawn.code.clone()),
        });
        person.numbers_bound.push(now);
        person.enrolment_began = Some(now);
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
        let probation = proof.and_then(|proof| proof.probation);
        let bound = new_device(drawn.device, label, method, Factor::External, now);
        person.bind(Device { probation, openly: proof.is_none(), ..bound }, now);
        let codes = person.first_recovery_codes(drawn, now);
        let answer = format!("done {} epoch {} recovery codes {codes}", drawn.device, person.epoch);
        self.write(who, person, done(answer), now)
    }

    pub fn import(&mut self, who: &str, existing: &Existing, drawn: &Drawn, now: Time) -> Turn {
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let used_here = |device: &Device| !device.imported || device.last_used.is_some();
        let method = if existing.generator.steps.is_some() { "totp" } else { "hotp" };
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        if person.import_ended {
            return refused("ImportEnded");
        }
        let is_used = person.recovery.is_some() || person.devices.iter().any(used_here);
        let admitted = person.admit(&self.numbers, existing);
        let admitted = admitted.and_then(|factor| match is_used {
            true => Err("ProofRequired".into()),
            false => person.has_room(method).map(|()| factor),
        });
        let mut factor = match admitted {
            Ok(factor) => factor,
            Err(refusal) => return refused(&refusal),
        };
        if let Factor::Totp { generator, last_step, offset, .. } = &mut factor {
            // Else everything so far is used, by the device's clock.
            *last_step = last_step.or(generator.step(now).map(|step| (step + *offset).max(0)));
        }
        let mut device = new_device(drawn.device, &existing.label, method, factor, now);
        device.imported = true;
        person.bind(device, now);
        self.write(who, person, done(format!("done {}", drawn.device)), now)
    }

    /// The answer says whether there is something to send.
    pub fn challenge(
        &mut self,
        who: &str,
        purpose: &str,
        token: Option<Token>,
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
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
        let remembered = person.remembers(token, now).is_some();
        let a_moment = (n.challenge_interval - 1).min(n.challenge_lifetime);
        let waits = |text: &&Text| {
            text.purpose == purpose
                && text.remembered == remembered
                && lasts(text.at, a_moment, now)
        };
        if let Some(waits) = person.texts.iter().find(waits) {
            assert_eq!((waits.id, drawn.code.as_str()), (drawn.id, ""), "the one that waits");
            return answered(format!("done waits until {}", waits.at + n.challenge_lifetime));
        }
        if let Err(refusal) = person.may_send(&n, remembered, now) {
            return refused(&refusal);
        }
        let until = now + n.challenge_lifetime;
        person.texts.retain(|text| lasts(text.at, n.challenge_lifetime, now));
        if person.texts.len() >= 16 {
            person.texts.remove(0);
        }
        person.texts.push(Text {
            id: drawn.id,
            purpose: purpose.into(),
            at: now,
            code: drawn.code.clone(),
            device: phone,
            remembered,
            failures: 0,
        });
        person.sent.push((now, remembered));
        self.write(who, person, done(format!("done until {until}")), now)
    }

    pub fn regenerate(
        &mut self,
        who: &str,
        leaked: bool,
        proof: &Proof,
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if let Err(refusal) = self.own_proof(who, Some(proof), "change-factors", now) {
            return refused(&refusal);
        }
        if !person.devices.iter().any(Device::in_use) {
            return refused("NothingBound");
        }
        person.change_epoch();
        let codes = person.issue_recovery_codes(drawn, leaked, now);
        self.write(who, person, done(format!("done recovery codes {codes}")), now)
    }

    /// A change by a carried proof, which opens or does not. What is stored uses it up.
    pub fn carried(
        &mut self,
        who: &str,
        carried: &Carried,
        opens: bool,
        now: Time,
        change: impl FnOnce(&mut World, &Proof) -> Turn,
    ) -> Turn {
        let Carried { id, proof } = carried;
        let by_operator = proof.purpose == "act-for-other";
        let person = self.people.get(who).cloned().unwrap_or_default();
        let used = if by_operator { &person.used_for_other } else { &person.used };
        if !opens || used.has(id, proof.at, self.numbers.proof_age, now) {
            return refused("ProofUnfit");
        }
        let turn = change(self, proof);
        if let Some(person) = self.people.get_mut(who).filter(|_| turn.wrote) {
            let used = if by_operator { &mut person.used_for_other } else { &mut person.used };
            used.push(*id, proof.at);
        }
        turn
    }

    pub fn acknowledge(&mut self, who: &str, set: [u8; 16], now: Time) -> Turn {
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        match &mut person.recovery {
            Some(newest) if newest.id == set && newest.seen => return answered("done"),
            Some(newest) if newest.id == set => newest.seen = true,
            _ => return refused("NotFound"),
        }
        person.old_recovery = None;
        self.write(who, person, done("done"), now)
    }

    pub fn remember_browser(
        &mut self,
        who: &str,
        proof: &Proof,
        token: Option<Token>,
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        let fits = proof.account == who && proof.epoch == person.epoch;
        if !fits || !self.people.contains_key(who) {
            return refused("ProofUnfit");
        }
        if let Err(refusal) = self.fresh(proof, now) {
            return refused(&refusal);
        }
        if proof.method == "emergency" {
            return refused("NotPermitted");
        }
        let from = person.remembers(token, now);
        person.browsers.retain(|(id, _)| Some(*id) != from);
        if person.browsers.len() >= 8 {
            let unused = person.browsers.iter().map(|(_, used_at)| *used_at).min();
            let at = person.browsers.iter().position(|(_, used_at)| Some(*used_at) == unused);
            person.browsers.remove(at.unwrap());
        }
        person.browsers.push((drawn.browser, now));
        self.write(who, person, done("done"), now)
    }

    pub fn forget_browser(&mut self, who: &str, browser: u64, now: Time) -> Turn {
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let before = person.browsers.len();
        person.browsers.retain(|(id, _)| *id != browser);
        if person.browsers.len() == before {
            return refused("NotFound");
        }
        self.write(who, person, done("done"), now)
    }

    pub fn unlock(&mut self, who: &str, proof: &Proof, now: Time) -> Turn {
        if let Err(refusal) = self.authority(who, proof, "change-factors", now) {
            return refused(&refusal);
        }
        let Some(mut person) = self.people.get(who).cloned() else {
            return refused("NothingBound");
        };
        let by_operator = proof.account != who;
        let opens = |class: &str| match proof.method.as_str() {
            _ if by_operator => true,
            "passkey" | "pki" | "recovery-code" => true,
            "totp" | "hotp" => proof.remembered || class == "out-of-band",
            _ => false,
        };
        // A code from an unknown browser opens texts, if anything failed there.
        let texts = opens("out-of-band") && person.budget("out-of-band").has_failed(now);
        if !opens("codes") && !texts {
            return refused("NotPermitted");
        }
        let mut forgiven = false;
        for class in ["codes", "out-of-band"].into_iter().filter(|class| opens(class)) {
            forgiven |= person.failures.entry(class).or_default().forgive(by_operator, now);
        }
        match forgiven {
            true => self.write(who, person, done("done"), now),
            false => Turn { silent: true, ..answered("done") }, // nothing was to be forgiven
        }
    }

    pub fn revoke(&mut self, who: &str, device: u64, proof: &Proof, now: Time) -> Turn {
        if let Err(refusal) = self.authority(who, proof, "change-factors", now) {
            return refused(&refusal);
        }
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        let in_use = person.devices.iter().filter(|device| device.in_use()).count();
        match person.device(device) {
            Some(found) if found.in_use() && in_use == 1 => return refused("LastFactor"),
            Some(found) if found.in_use() => person.take_out(device, "revoked"),
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
            Some(found) if found.in_use() => {
                let too_weak = proof.method == "sms" && rank(&found.method) > rank("sms");
                if proof.method == "emergency" || too_weak {
                    return refused("NotPermitted");
                }
                person.take_out(device, "lost");
            }
            _ => return refused("NoSuchDevice"),
        }
        person.forget_browsers(); // it may have been one of them
        person.change_epoch();
        person.forget_oldest();
        self.write(who, person, done("done"), now)
    }

    /// What an operator does for a person.
    pub fn help(
        &mut self,
        who: &str,
        operator: &Proof,
        reason: &str,
        (kind, secs): (&str, Time),
        drawn: &Drawn,
        now: Time,
    ) -> Turn {
        if no_text(reason, 200) {
            return answered("error text");
        }
        if let Err(refusal) = self.operator_proof(who, operator, now) {
            return refused(&refusal);
        }
        let n = self.numbers;
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if kind != "invite" && !self.people.contains_key(who) {
            return refused("NothingBound");
        }
        let turn = match kind {
            "emergency" => person.issue("emergency", secs.min(n.emergency_lifetime), drawn, now),
            "invite" if person.devices.iter().any(Device::in_use) => return refused("FactorInUse"),
            "invite" => person.invite(n.pass_lifetime, drawn, now),
            _ => {
                person.retire_all();
                person.failures.clear();
                person.invite(n.pass_lifetime, drawn, now)
            }
        };
        self.write(who, person, turn, now)
    }

    pub fn revoke_passes(&mut self, who: &str, proof: &Proof, now: Time) -> Turn {
        if let Err(refusal) = self.authority(who, proof, "change-factors", now) {
            return refused(&refusal);
        }
        let mut person = self.people.get(who).cloned().unwrap_or_default();
        if !person.passes.iter().any(|pass| pass.is_live(now)) {
            return refused("NotFound");
        }
        if person.passes.iter().any(|pass| pass.kind == "enrolment") {
            person.pending = None;
        }
        person.passes.clear();
        self.write(who, person, done("done"), now)
    }

    /// Another key, and nothing else: not even what has expired is dropped.
    pub fn reseal(&mut self, who: &str, node: usize) -> Turn {
        match self.people.get_mut(who).filter(|person| person.node != node) {
            Some(person) => {
                person.node = node;
                done("done true")
            }
            None => Turn { silent: true, ..answered("done false") },
        }
    }

    pub fn offboard(&mut self, who: &str, reason: &str, now: Time) -> Turn {
        if no_text(reason, 200) {
            return answered("error text");
        }
        let Some(mut person) = self.people.get(who).cloned() else {
            return refused("UnknownAccount");
        };
        if person.offboarded_at.is_some() {
            return refused("Offboarded");
        }
        person.retire_all();
        person.offboarded_at = Some(now);
        person.change_epoch();
        self.write(who, person, done("done"), now)
    }

    /// An enrolment starts at most once in thirty seconds.
    fn may_start(&self, who: &str, proof: Option<&Proof>, now: Time) -> Result<(), String> {
        self.may_bind(who, proof, now)?;
        match self.people.get(who).and_then(|person| person.enrolment_began) {
            Some(at) if lasts(at, 29, now) => Err(format!("TooSoon {}", at.min(now) + 30)),
            _ => Ok(()),
        }
    }

    fn may_bind(&self, who: &str, proof: Option<&Proof>, now: Time) -> Result<(), String> {
        let person = self.people.get(who).cloned().unwrap_or_default();
        if person.offboarded_at.is_some() {
            return Err("Offboarded".into());
        }
        match proof {
            Some(proof) if proof.method == "pass" => {
                // It is for this alone, while the pass lasts.
                self.unexpired_proof(who, Some(proof), "change-factors", now)?;
                let mut passes = person.passes.iter();
                match passes.any(|pass| pass.kind == "enrolment" && pass.is_live(now)) {
                    true => Ok(()),
                    false => Err("ProofExpired".into()),
                }
            }
            Some(_) => self.own_proof(who, proof, "change-factors", now),
            None if person.first_bound_at.is_none() && !person.needs_pass => Ok(()),
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
        self.unexpired_proof(who, proof, purpose, now)?;
        let permitted = match proof.unwrap().method.as_str() {
            "sms" => self.people[who].sms_permits(purpose),
            "pass" => false,
            method => permits(method, purpose),
        };
        if permitted { Ok(()) } else { Err("NotPermitted".into()) }
    }

    fn unexpired_proof(
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
        self.fresh(proof, now)
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
        match proof.purpose == "act-for-other" {
            true => self.operator_proof(who, proof, now),
            false => self.own_proof(who, Some(proof), purpose, now),
        }
    }

    fn fresh(&self, proof: &Proof, now: Time) -> Result<(), String> {
        let fresh = lasts(proof.at, self.numbers.proof_age, now);
        if fresh { Ok(()) } else { Err("ProofExpired".into()) }
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
        probation: None,
        openly: false,
        factor,
    }
}

/// A day after a text or a recovery code bound it, a factor proves nothing high.
fn on_probation(device: &Device, purpose: &str, now: Time) -> bool {
    let is_high = ["change-privileges", "act-for-other"].contains(&purpose);
    is_high && device.probation.is_some_and(|began| lasts(began, 24 * 60 * 60 - 1, now))
}

// What everybody may see.
impl World {
    /// Where a person stands.
    fn standing(&self, person: &Person, now: Time) -> String {
        let n = &self.numbers;
        if person.offboarded_at.is_some() {
            return "offboarded".into();
        }
        let in_use: Vec<_> = person.devices.iter().filter(|device| device.in_use()).collect();
        let (mut waits, mut closed) = (Vec::new(), false);
        for device in &in_use {
            let class = class_of(&device.method);
            match person.strangers(class, n, now) {
                _ if class.is_empty() => return "in-use".into(),
                Gate::Open => return "in-use".into(),
                Gate::Wait(until) => waits.push(until),
                Gate::Closed => closed |= !person.budget(class).is_disabled(n),
            }
        }
        if let Some(until) = waits.iter().min() {
            return format!("waiting until {until}");
        }
        if closed {
            return "closed-to-strangers".into();
        }
        let pending = person.pending.as_ref().filter(|pending| pending.is_live(n, now));
        if let Some(pending) = pending {
            return format!("pending until {}", pending.at + pending.lifetime(n));
        }
        let waits = |pass: &&Pass| pass.kind == "enrolment" && pass.is_open(now);
        let never = person.first_bound_at.is_none();
        match person.passes.iter().find(waits) {
            Some(pass) => {
                let word = if never { "invited" } else { "reset" };
                format!("{word} until {}", pass.at + pass.secs)
            }
            None if never && !person.needs_pass => "never-enrolled".into(),
            None if self.codes_left(person) > 0 => "recovery-codes-only".into(),
            None => "operator-only".into(),
        }
    }

    fn codes_left(&self, person: &Person) -> usize {
        let codes = person.recovery.iter().flat_map(|set| &set.codes);
        codes.filter(|code| code.is_open()).count()
    }

    /// The summary, line by line, as `text::of` prints the library's.
    pub fn summary(&self, who: &str, now: Time) -> String {
        let Some(person) = self.people.get(who) else { return "no record\n".into() };
        let n = &self.numbers;
        let codes = || person.recovery.iter().flat_map(|set| &set.codes);
        let pending = person.pending.as_ref().filter(|pending| pending.is_live(n, now));
        let waits = |pass: &&Pass| pass.kind == "emergency" && pass.is_open(now);
        let emergency = person.passes.iter().find(waits);
        let mut text = format!(
            "epoch {}\nfirst bound {}\noffboarded {}\nstanding {}\npending until {}\n\
             emergency until {}\nrecovery codes {}, seen {}, replacement due {}\n",
            person.epoch,
            moment(person.first_bound_at),
            moment(person.offboarded_at),
            self.standing(person, now),
            moment(pending.map(|pending| pending.at + pending.lifetime(n))),
            moment(emergency.map(|pass| pass.at + pass.secs)),
            self.codes_left(person),
            person.recovery.as_ref().is_some_and(|set| set.seen),
            codes().any(|code| code.spent),
        );
        for class in ["codes", "out-of-band"] {
            let budget = person.budget(class);
            let waits = match person.strangers(class, n, now) {
                Gate::Wait(until) => Some(until),
                _ => None,
            };
            text += &format!(
                "{class}: failures {} and {}, weight {}, waiting until {}, closed to strangers {}, \
                 disabled {}\n",
                budget.unknown.row,
                budget.remembered.row,
                budget.unknown.weigh(now),
                moment(waits),
                budget.is_closed(n),
                budget.is_disabled(n),
            );
        }
        let known = person.browsers.iter().filter(|(_, used_at)| lasts(*used_at, 90 * DAY, now));
        for (id, used_at) in known {
            text += &format!("browser {id:016x}: last used {used_at}\n");
        }
        for device in &person.devices {
            let (drift, offset) = match &device.factor {
                Factor::Totp { drift, offset, .. } => (*drift, *offset),
                _ => (0, 0),
            };
            let secret = device.factor.generator().map_or(usize::MAX, |held| held.secret.len());
            let digits = device.factor.generator().map(|held| held.digits);
            text += &format!(
                "device {:016x} {} {} {:?}: bound {}, last used {}, drift {drift}, offset \
                 {offset}, short secret {}, imported {}, digits {}, openly {}\n",
                device.id,
                device.method,
                device.status,
                device.label,
                device.bound_at,
                moment(device.last_used),
                secret < 16,
                device.imported,
                digits.map_or("-".into(), |digits| digits.to_string()),
                device.openly,
            );
        }
        text
    }
}

fn moment(at: Option<Time>) -> String {
    at.map_or("-".into(), |at| at.to_string())
}
