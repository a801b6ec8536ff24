//! An attacker who has the password against an owner with a rhythm, for simulated months, over random
//! policies. The attacker tries whatever the library evaluates, as soon as it does; the owner signs in
//! some times a day, takes a while to type, sends a form twice, has a phone that drifts and is set
//! right, and a browser that is remembered.
//!
//! Nobody guesses right by luck here: each guess is one that is surely wrong, and its odds, the codes
//! that would have been accepted at that moment, are summed. So the sum is exact.

use countersign::account::Operator;
use std::collections::VecDeque;

use crate::keys::keyring;
use countersign::account::{
    Assertion, Bounded, Class, DeviceStatus, ExistingDevice, PhoneNumber, Text, Throttle,
    odds_per_year,
};
use countersign::mfa::{Decided, ExternalMethod, RestrictedNotice};
use countersign::otp::Parameters;
use countersign::{
    AccountId, ActForOther, Algorithm, ChangeFactors, DeviceId, Digits, Hotp, Keyring, LookAhead,
    MemoryStore, Mfa, Policy, Proof, Purpose, Secret, SignIn, Store, Summary, Swap, Totp, UnixTime,
    Verdict, Window,
};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const START: u64 = 1_800_000_000;
const DAY: u64 = 86_400;

/// Random numbers within the bounds of each.
#[derive(Clone, Debug)]
struct Numbers {
    throttle: Throttle,
    window: Window,
    look_ahead: LookAhead,
}

impl Policy for Numbers {
    fn throttle(&self, _: Class) -> Throttle {
        self.throttle
    }

    fn window(&self) -> Window {
        self.window
    }

    fn look_ahead(&self) -> LookAhead {
        self.look_ahead
    }
}

impl Numbers {
    /// For an owner with an app and so many tokens.
    fn draw(rng: &mut StdRng, tokens: u64) -> Numbers {
        loop {
            let numbers = Numbers {
                throttle: Throttle {
                    free: Bounded::new(below(rng, 8) + 1).unwrap(),
                    first_wait: Bounded::new(below(rng, 120) + 1).unwrap(),
                    longest_wait: Bounded::new(below(rng, 3_600) + 1).unwrap(),
                    closed_at: Bounded::new(below(rng, 71) + 10).unwrap(),
                    per_thirty_days: Bounded::new(below(rng, 41) + 10).unwrap(),
                    remembered: Bounded::new(below(rng, 11) + 10).unwrap(),
                },
                window: Window::new(below(rng, 2) + 1, below(rng, 2) + 1).unwrap(),
                look_ahead: LookAhead::new(below(rng, 10) + 1).unwrap(),
            };
            // What the library refuses is no policy. And where one failure of the owner's weighs more than
            // remembered browsers have, they are as unknown ones: such numbers promise nothing.
            let of_app = u64::from(numbers.window.steps()) + 2;
            let codes = of_app + tokens * numbers.look_ahead.as_u64();
            let has_room = codes.div_ceil(3) <= numbers.throttle.remembered.as_u64();
            if has_room && Mfa::with_policy(keyring(7), numbers.clone()).is_ok() {
                return numbers;
            }
        }
    }
}

fn below(rng: &mut StdRng, limit: u64) -> u64 {
    rng.next_u64() % limit
}

/// What was evaluated, and what would have been accepted.
#[derive(Debug, Default)]
struct Tally {
    guesses: u32,
    most_acceptable: u32,
    /// The sum of the odds of all guesses.
    odds: f64,
    /// The highest odds for a year that the library gave.
    promised: f64,
    forgivings: u32,
    closed: bool,
    sign_ins: u32,
    texts: u32,
}

struct Duel {
    mfa: Mfa<Keyring, Numbers>,
    policy: Numbers,
    store: MemoryStore,
    rng: StdRng,
    id: AccountId,
    now: u64,
    // The owner's.
    app: Totp,
    device: DeviceId,
    tokens: Vec<(Hotp, DeviceId)>,
    key: DeviceId,
    browser: String,
    recovery_codes: VecDeque<String>,
    /// By how many seconds the phone is ahead.
    skew: i64,
    /// Whether its clock is fast or slow.
    is_fast: bool,
    /// The last code that the owner sent: the attacker may have seen it.
    seen: String,
    /// The last step that was accepted.
    last_step: u64,
    texts: bool,
    /// When the owner mistyped a code, and what that weighed.
    mistyped: Vec<(u64, u64)>,
    tally: Tally,
}

impl Duel {
    fn at(&self) -> UnixTime {
        UnixTime::from_secs(self.now)
    }

    fn begin(seed: u64) -> Duel {
        let mut rng = StdRng::seed_from_u64(seed);
        let tokens = seed % 4;
        let policy = Numbers::draw(&mut rng, tokens);
        let mfa = Mfa::with_policy(keyring(7), policy.clone()).unwrap();
        let (store, id) = (MemoryStore::new(), AccountId::new("owner").unwrap());
        let at = UnixTime::from_secs(START);
        let dana = mfa.account(&id).at(at);
        let pending = dana.enrol("phone", &mut rng).run(&store).unwrap();
        let uri = pending.uri("Acme", "owner").unwrap();
        let app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let code = app.generate(at).unwrap();
        let bound = dana.confirm(pending.id(), code.expose_str(), &mut rng).run(&store);
        let bound = bound.accepted().unwrap();
        let codes = bound.recovery_codes().unwrap().iter();
        let recovery_codes = codes.map(|code| code.expose_text().to_string()).collect();
        let device = bound.device();
        let browser = dana.remember_browser(&bound.into_proof(), &mut rng).run(&store).unwrap();
        let browser = browser.expose_token().to_owned();
        let mut duel = Duel {
            mfa,
            policy,
            store,
            id,
            now: START,
            app,
            device,
            tokens: Vec::new(),
            key: device,
            browser,
            recovery_codes,
            skew: 0,
            is_fast: seed % 5 < 3,
            seen: String::new(),
            last_step: START / 30,
            texts: seed.is_multiple_of(3),
            mistyped: Vec::new(),
            tally: Tally::default(),
            rng,
        };
        duel.now += 60;
        let proof = duel.sign_in(ChangeFactors);
        let dana = duel.mfa.account(&duel.id).at(duel.at());
        let bind = dana.bind_external("key", ExternalMethod::Passkey, &mut duel.rng);
        duel.key = { bind.proven_by(proof) }.run(&duel.store).unwrap().device();
        for number in 0..tokens {
            duel.add_token(number);
        }
        if duel.texts {
            duel.add_telephone();
        }
        duel
    }

    fn add_token(&mut self, number: u64) {
        self.now += 60;
        let proof = self.sign_in(ChangeFactors);
        let secret = Secret::generate(Algorithm::Sha1, &mut self.rng);
        let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
        let label = Text::new(&format!("token {number}")).unwrap();
        let token = ExistingDevice::hotp(label, secret, Algorithm::Sha1, Digits::Six, 0);
        let dana = self.mfa.account(&self.id).at(self.at());
        let pending = dana.enrol_existing(token, &mut self.rng).proven_by(proof).run(&self.store);
        let pending = pending.unwrap();
        let code = hotp.generate(0);
        let confirm = dana.confirm(pending.id(), code.expose_str(), &mut self.rng);
        let bound = confirm.run(&self.store).accepted().unwrap();
        self.tokens.push((hotp, bound.device()));
    }

    fn add_telephone(&mut self) {
        self.now += 60;
        let proof = self.sign_in(ChangeFactors);
        let (told, dana) =
            (RestrictedNotice::given_by_host(), self.mfa.account(&self.id).at(self.at()));
        let number = PhoneNumber::new("+15550100100").unwrap();
        let sent = dana.enrol_phone("text", number, told, &mut self.rng);
        let sent = sent.proven_by(proof).run(&self.store).unwrap();
        let typed = sent.to_send().unwrap().expose_str();
        let confirm = dana.confirm(sent.id(), typed, &mut self.rng);
        assert!(confirm.run(&self.store).accepted().is_some());
    }

    fn summary(&self) -> Summary {
        let summary = self.mfa.account(&self.id).at(self.at()).summary();
        summary.run(&self.store).unwrap().unwrap()
    }

    // The owner.

    /// With the app, from the remembered browser: at the first try, whatever anybody did before.
    fn sign_in<P: Purpose>(&mut self, purpose: P) -> Proof<P> {
        // Read now, typed in a while. A phone that was set back shows used codes for a moment: the
        // owner waits for the next one.
        let mut shown = self.now.saturating_add_signed(self.skew);
        while shown / 30 <= self.last_step {
            shown += 5;
            self.now += 5;
        }
        let code = self.app.generate(UnixTime::from_secs(shown)).unwrap();
        self.seen = code.expose_str().into();
        self.now += 2 + below(&mut self.rng, 20);
        let dana = self.mfa.account(&self.id).at(self.at());
        let verify = dana.verify(&self.seen, purpose).from_browser(&self.browser);
        let verdict = verify.run(&self.store);
        self.tally.sign_ins += 1;
        self.last_step = shown / 30;
        let Verdict::Accepted(proof) = verdict else {
            let (skew, summary) = (self.skew, self.summary());
            panic!(
                "the owner's code from the remembered browser: {verdict:?}, {skew}, {:?} {:?} {summary:?}",
                self.mistyped, self.policy
            )
        };
        // The form is sent twice, which changes nothing.
        if below(&mut self.rng, 2) == 0 {
            let before = self.summary();
            let again = dana.verify(&self.seen, SignIn).from_browser(&self.browser);
            assert!(again.run(&self.store).accepted().is_none());
            assert_eq!(self.summary().codes, before.codes, "the second copy is no failure");
        }
        proof
    }

    /// With the passkey, from anywhere.
    fn passkey<P: Purpose>(&mut self, purpose: P) -> Proof<P> {
        self.now += 1 + below(&mut self.rng, 20);
        let dana = self.mfa.account(&self.id).at(self.at());
        let started = dana.start_external(purpose.clone(), &mut self.rng).unwrap();
        // The stranger sees that something is going on, and fails a check in between.
        let failed = Assertion::failed_at_host(started.token(), self.key);
        drop(dana.finish_external(failed, purpose.clone()).run(&self.store));
        let verified = Assertion::verified_by_host(started.token(), self.key);
        match dana.finish_external(verified, purpose).run(&self.store) {
            Verdict::Accepted(proof) => proof,
            no => panic!("the owner's passkey: {no:?}"),
        }
    }

    fn owners_turn(&mut self) {
        match below(&mut self.rng, 200) {
            0..120 => drop(self.sign_in(SignIn)),
            120..160 => drop(self.passkey(SignIn)),
            // Mistyped, and then right: as often as the owner's own browsers allow.
            160..162 if self.may_mistype() => {
                let good = self.acceptable();
                let wrong = self.wrong_code(&good);
                let dana = self.mfa.account(&self.id).at(self.at());
                drop(dana.verify(&wrong, SignIn).from_browser(&self.browser).run(&self.store));
                self.now += 120;
                drop(self.sign_in(SignIn));
            }
            // A recovery code, and a new set when few are left.
            162..166 => {
                let code = self.recovery_codes.pop_front().unwrap();
                let dana = self.mfa.account(&self.id).at(self.at());
                let verdict = dana.recover(&code, ChangeFactors).run(&self.store);
                let Verdict::Accepted(proof) = verdict else {
                    panic!("the owner's right recovery code: {verdict:?}")
                };
                if self.recovery_codes.len() < 3 {
                    let renewed = dana.regenerate_recovery_codes(proof, &mut self.rng);
                    let renewed = { renewed }.run(&self.store).unwrap();
                    let codes = renewed.iter().map(|code| code.expose_text().to_string());
                    self.recovery_codes = codes.collect();
                    dana.acknowledge_recovery_codes(renewed.set()).run(&self.store).unwrap();
                }
            }
            // A new phone, with the passkey.
            166..168 => {
                let proof = self.passkey(ChangeFactors);
                let before = self.summary();
                let dana = self.mfa.account(&self.id).at(self.at());
                let pending =
                    dana.replace(self.device, "new", proof, &mut self.rng).run(&self.store);
                let pending = pending.unwrap();
                let uri = pending.uri("Acme", "owner").unwrap();
                self.app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
                let code = self.app.generate(self.at()).unwrap();
                let bound = dana
                    .confirm(pending.id(), code.expose_str(), &mut self.rng)
                    .from_browser(&self.browser)
                    .run(&self.store)
                    .accepted();
                let bound = bound.expect("a new factor is bound, whatever is guessed meanwhile");
                self.device = bound.device();
                (self.last_step, self.skew) = (self.now / 30, 0);
                self.forgiven(&before);
                self.now += 30;
            }
            // The failures are forgiven, on the passkey.
            168..170 => {
                let proof = self.passkey(ChangeFactors);
                let before = self.summary();
                let dana = self.mfa.account(&self.id).at(self.at());
                dana.unlock(proof).run(&self.store).unwrap();
                self.forgiven(&before);
            }
            // The phone is set right.
            170..174 => self.skew = 0,
            _ => drop(self.sign_in(SignIn)),
        }
        // A phone drifts by some seconds from one time to the next, and is set right before its codes are
        // outside of every window: as it is read now and typed in a while.
        let by = i64::try_from(below(&mut self.rng, 5)).unwrap();
        self.skew += if self.is_fast { by } else { -by };
        let (fast, slow) = (self.policy.window.forward, self.policy.window.backward);
        let ahead = 30 * fast.as_u64().cast_signed();
        let behind = 25 - 30 * slow.as_u64().cast_signed();
        if !(behind..=ahead).contains(&self.skew) {
            self.skew = 0;
        }
    }

    /// Whether the budget of remembered browsers has room for one failure, and for what comes after it.
    fn may_mistype(&mut self) -> bool {
        let weight = (self.acceptable().len() as u64).div_ceil(3) + 2;
        self.mistyped.retain(|(at, _)| at + 30 * DAY > self.now);
        let used: u64 = self.mistyped.iter().map(|(_, weight)| weight).sum();
        let fits = used + 2 * weight <= self.policy.throttle.remembered.as_u64();
        if fits {
            self.mistyped.push((self.now, weight));
        }
        fits
    }

    fn forgiven(&mut self, before: &Summary) {
        let after = self.summary();
        let emptied = |after: u64, before: u64| u32::from(after < before);
        self.tally.forgivings += emptied(after.codes.weight, before.codes.weight)
            + emptied(after.out_of_band.weight, before.out_of_band.weight);
    }

    // The attacker.

    /// Each code that is good now.
    fn acceptable(&self) -> Vec<String> {
        let record = Store::load(&self.store, &self.id).unwrap();
        let present = self.now / 30;
        let of_app = (present - 7..=present + 7).map(|step| {
            let code = self.app.generate(UnixTime::from_secs(step * 30)).unwrap();
            code.expose_str().to_owned()
        });
        let of_tokens = self.tokens.iter().flat_map(|(hotp, _)| {
            (0..12).map(|counter| hotp.generate(counter).expose_str().to_owned())
        });
        let dana = self.mfa.account(&self.id).at(self.at());
        let is_good_from = |browser: &str, code: &String| {
            let attempt = dana.verify(code, SignIn).from_browser(browser);
            match attempt.operation().decide(record.clone(), None).unwrap() {
                Decided::Answer { .. } => false,
                Decided::Write(prepared) => {
                    matches!(prepared.release(Swap::Stored), Some(Verdict::Accepted(_)))
                }
            }
        };
        // Unknown browsers may have to wait, and then it is evaluated for the remembered one.
        let waits = self.summary().codes;
        let waits = waits.waiting_until.is_some() || waits.closed_to_strangers;
        let browser = if waits { &*self.browser } else { "no token" };
        let is_good = |code: &String| is_good_from(browser, code);
        of_app.chain(of_tokens).filter(is_good).collect()
    }

    /// A code that is good neither now nor soon.
    fn wrong_code(&mut self, good: &[String]) -> String {
        loop {
            let code = format!("{:06}", below(&mut self.rng, 1_000_000));
            if !good.contains(&code) && code != self.seen {
                return code;
            }
        }
    }

    /// Tries one thing after the other. Returns when it is worth trying again.
    fn attackers_turn(&mut self) -> u64 {
        self.nuisance();
        if self.texts {
            self.guess_a_text();
        }
        let summary = self.summary();
        let codes = summary.codes;
        if let Some(until) = codes.waiting_until {
            return until.as_secs();
        }
        let good = if codes.closed_to_strangers { Vec::new() } else { self.acceptable() };
        let guess = self.wrong_code(&good);
        let dana = self.mfa.account(&self.id).at(self.at());
        match dana.verify(&guess, SignIn).from_browser("no token").run(&self.store) {
            Verdict::Rejected { .. } => {
                let promised = odds_per_year(&self.policy, &summary);
                self.tally.promised = self.tally.promised.max(promised);
                self.tally.guesses += 1;
                self.tally.odds += good.len() as f64 / 1e6;
                let count = u32::try_from(good.len()).unwrap();
                self.tally.most_acceptable = self.tally.most_acceptable.max(count);
                self.now + 1
            }
            Verdict::Closed => {
                self.tally.closed = true;
                self.now + DAY / 4
            }
            other => panic!("{other:?}"),
        }
    }

    /// What no number of times gets anywhere.
    fn nuisance(&mut self) {
        let kind = below(&mut self.rng, 9);
        let dana = self.mfa.account(&self.id).at(self.at());
        let rng = &mut self.rng;
        match kind {
            0 => {
                let unknown = "0000-1111-2222-3333-4444-5555-6666";
                let verdict = dana.recover(unknown, SignIn).run(&self.store);
                assert!(matches!(verdict, Verdict::Rejected { tries_left: 255 }));
            }
            1 => {
                let started = dana.start_external(SignIn, rng).unwrap();
                let failed = Assertion::failed_at_host(started.token(), self.key);
                let verdict = dana.finish_external(failed, SignIn).run(&self.store);
                assert!(verdict.accepted().is_none());
            }
            2 => assert!(dana.enrol("mine", rng).run(&self.store).is_err()),
            3 => {
                let bind = dana.bind_external("mine", ExternalMethod::Passkey, rng);
                assert!({ bind }.run(&self.store).is_err());
            }
            4 => {
                let secret = Secret::generate(Algorithm::Sha1, rng);
                let label = Text::new("mine").unwrap();
                let device = ExistingDevice::totp(label, secret, Parameters::default(), None);
                assert!(dana.import(device, rng).run(&self.store).is_err());
            }
            5 => {
                let none = countersign::account::ChallengeId::from_bytes([1; 16]);
                let verdict = dana.confirm(none, "000000", rng).run(&self.store);
                assert!(matches!(verdict, Verdict::Expired));
            }
            // The code that the owner has just typed, seen over a shoulder, at every door.
            6 if !self.seen.is_empty() => {
                let verdict = dana.verify(&self.seen, ActForOther).run(&self.store);
                assert!(verdict.accepted().is_none());
            }
            // Two codes in a row have to be guessed: a millionth of the odds of one, and charged.
            7 => {
                let pair = ["000000", "111111"];
                let verdict = dana.resynchronise(self.device, pair).run(&self.store);
                assert!(verdict.accepted().is_none());
            }
            _ => {
                // A pass, long or short, whether or not there is one.
                let rng = &mut self.rng;
                let mut character =
                    || char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[rng.random_range(0..32)]);
                let text: String = (0..28).map(|_| character()).collect();
                let typed = if self.now.is_multiple_of(2) { &text[..8] } else { &text };
                let verdict = dana.enter_pass(typed).run(&self.store);
                assert!(verdict.accepted().is_none());
            }
        }
    }

    fn guess_a_text(&mut self) {
        let dana = self.mfa.account(&self.id).at(self.at());
        let Ok(sent) = dana.send_code(SignIn, &mut self.rng).run(&self.store) else { return };
        let right = sent.to_send().map(|code| code.expose_str().to_owned());
        self.tally.texts += u32::from(right.is_some());
        for n in 0..8 {
            let guess = format!("{n:06}");
            if right.as_ref() == Some(&guess) {
                continue;
            }
            match dana.verify_sent_code(sent.id(), &guess, SignIn).run(&self.store) {
                Verdict::Rejected { .. } => self.tally.odds += 1e-6,
                Verdict::Accepted(_) => panic!("one that had waited, by chance"),
                _ => break,
            }
        }
    }

    /// Fights for so many days. Returns what the attacker came to.
    fn fight(mut self, days: u64) -> Tally {
        let (end, began) = (self.now + days * DAY, self.now);
        let per_day = [1, 2, 5, 8][below(&mut self.rng, 4) as usize];
        // From time to time the attacker sleeps, to spend what was saved up at once.
        let hoards = below(&mut self.rng, 3) == 0;
        // And the owner may be away for long, so that the attacker gets to the end of the row.
        let leave = if below(&mut self.rng, 2) == 0 { days * 3 / 4 * DAY } else { 0 };
        let (mut owners, mut attackers) = (self.now + leave, self.now);
        while self.now < end {
            if owners <= attackers {
                self.now = self.now.max(owners);
                self.owners_turn();
                owners = self.now + DAY / per_day / 2 + below(&mut self.rng, DAY / per_day);
            } else {
                self.now = self.now.max(attackers);
                attackers = self.attackers_turn().max(self.now + 1);
                if hoards && below(&mut self.rng, 40) == 0 {
                    attackers += below(&mut self.rng, 35 * DAY);
                }
            }
        }
        let summary = self.summary();
        for device in [self.device, self.key].iter().chain(self.tokens.iter().map(|(_, id)| id)) {
            let found = summary.devices.iter().find(|found| found.id == *device).unwrap();
            assert_eq!(found.status, DeviceStatus::Confirmed, "nothing is destroyed");
        }
        assert!(!summary.codes.disabled);
        // Any thirty days hold one span, and every forgiving adds one.
        let spans = (self.now - began).div_ceil(30 * DAY) + 1 + u64::from(self.tally.forgivings);
        let promised = self.tally.promised / 13.0 * spans as f64;
        assert!(
            self.tally.odds <= promised,
            "{} guesses came to odds of {:e}, and {promised:e} were promised: {:?} {:?}",
            self.tally.guesses,
            self.tally.odds,
            self.tally,
            self.policy,
        );
        self.tally
    }
}

/// As many duels, each as long.
fn duels(seeds: std::ops::Range<u64>, days: u64) {
    let (mut guesses, mut sign_ins, mut closest, mut closed) = (0, 0, 0.0_f64, 0);
    for seed in seeds {
        let tally = Duel::begin(seed).fight(days);
        println!("{seed}: {tally:?}");
        guesses += tally.guesses;
        sign_ins += tally.sign_ins;
        closed += u32::from(tally.closed);
        let spans = days.div_ceil(30) + 1 + u64::from(tally.forgivings);
        closest = closest.max(tally.odds * 13.0 / spans as f64 / tally.promised);
    }
    println!("{guesses} guesses, {sign_ins} sign-ins, {closest} of what was promised");
    // A bound that nobody comes near is no bound, and a duel without guesses no duel.
    assert!(closest > 0.3 && guesses > 100 && sign_ins > 100 && closed > 0, "{closed}");
}

#[test]
fn the_owner_wins_against_whoever_has_the_password() {
    duels(0..6, 80);
}

#[test]
#[ignore = "takes minutes"]
fn the_owner_wins_for_years() {
    duels(100..130, 730);
}

// Invariant 2, exactly.

/// One thing that happens: how many seconds after the one before, and what.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Guess { remembered: bool, times: u8 },
    Success { remembered: bool },
    Unlock { by_operator: bool },
    NewApp,
}

fn happenings() -> impl Strategy<Value = Vec<(u64, Happens)>> {
    let later = prop_oneof![
        4 => 30..90_u64,
        3 => 3_600..7_200_u64,
        3 => DAY..3 * DAY,
        1 => 28 * DAY..32 * DAY,
    ];
    let what = prop_oneof![
        8 => (any::<bool>(), 1..8_u8)
            .prop_map(|(remembered, times)| Happens::Guess { remembered, times }),
        4 => any::<bool>().prop_map(|remembered| Happens::Success { remembered }),
        1 => any::<bool>().prop_map(|by_operator| Happens::Unlock { by_operator }),
        1 => Just(Happens::NewApp),
    ];
    prop::collection::vec((later, what), 1..30)
}

/// A failure that was charged: when, what it weighed, and whether it came from a remembered browser.
type Charged = (u64, u64, bool);

/// What the failures weigh that lie in the thirty days that begin with one of them, at most.
fn heaviest(charged: &[Charged], remembered: bool) -> Vec<(u64, u64)> {
    let of_lane = || charged.iter().filter(|(.., from)| *from == remembered);
    let window = |from: u64| {
        let within = of_lane().filter(|(at, ..)| (from..from + 30 * DAY).contains(at));
        (from, within.map(|(_, weight, _)| weight).sum())
    };
    of_lane().map(|(at, ..)| window(*at)).collect()
}

struct Accounts {
    duel: Duel,
    operator: Totp,
    charged: Vec<Charged>,
    /// When the account of thirty days was emptied.
    forgiven: Vec<(u64, bool)>,
}

impl Accounts {
    fn begin(tokens: u64) -> Accounts {
        let mut duel = Duel::begin(tokens);
        duel.texts = false;
        let operator = AccountId::new("operator").unwrap();
        let dana = duel.mfa.account(&operator).at(duel.at());
        let pending = dana.enrol("phone", &mut duel.rng).run(&duel.store).unwrap();
        let uri = pending.uri("Acme", "operator").unwrap();
        let app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let code = app.generate(duel.at()).unwrap();
        let confirm = dana.confirm(pending.id(), code.expose_str(), &mut duel.rng).run(&duel.store);
        assert!(confirm.accepted().is_some());
        Accounts { duel, operator: app, charged: Vec::new(), forgiven: Vec::new() }
    }

    fn guess(&mut self, remembered: bool) {
        let before = self.duel.summary();
        let good = self.duel.acceptable();
        let guess = self.duel.wrong_code(&good);
        let good = good.len() as u64;
        let dana = self.duel.mfa.account(&self.duel.id).at(self.duel.at());
        let browser = if remembered { &*self.duel.browser } else { "no token" };
        match dana.verify(&guess, SignIn).from_browser(browser).run(&self.duel.store) {
            Verdict::Rejected { .. } => {
                let after = self.duel.summary();
                // A remembered browser without budget is charged as an unknown one.
                let lane = after.codes.remembered_failures > before.codes.remembered_failures;
                assert!(remembered || !lane);
                let weight = good.div_ceil(3).max(1);
                let added = after.codes.weight - before.codes.weight;
                assert_eq!(added, if lane { 0 } else { weight }, "{good} codes were good");
                self.charged.push((self.duel.now, weight, lane));
            }
            Verdict::Wait { until } => self.duel.now = until.as_secs().min(self.duel.now + 7_200),
            Verdict::Closed => {}
            other => panic!("{other:?}"),
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Guess { remembered, times } => (0..times).for_each(|_| self.guess(remembered)),
            Happens::Success { remembered } => {
                let duel = &mut self.duel;
                let code = duel.app.generate(duel.at()).unwrap();
                let browser = if remembered { &*duel.browser } else { "no token" };
                let dana = duel.mfa.account(&duel.id).at(duel.at());
                let verify = dana.verify(code.expose_str(), SignIn).from_browser(browser);
                drop(verify.run(&duel.store));
            }
            Happens::Unlock { by_operator } => {
                self.duel.now += 60;
                let before = self.duel.summary();
                if by_operator {
                    let operator = AccountId::new("operator").unwrap();
                    let duel = &self.duel;
                    let code = self.operator.generate(duel.at()).unwrap();
                    let verify = duel.mfa.account(&operator).at(duel.at());
                    let verify = verify.verify(code.expose_str(), ActForOther).run(&duel.store);
                    let unlock = duel.mfa.account(&duel.id).at(duel.at());
                    unlock
                        .unlock(Operator::checked_by_host(verify.accepted().unwrap(), "help desk"))
                        .run(&duel.store)
                        .unwrap();
                } else {
                    let proof = self.duel.passkey(ChangeFactors);
                    let unlock = self.duel.mfa.account(&self.duel.id).at(self.duel.at());
                    unlock.unlock(proof).run(&self.duel.store).unwrap();
                }
                self.note_forgiving(&before, by_operator);
            }
            Happens::NewApp => {
                let proof = self.duel.passkey(ChangeFactors);
                let before = self.duel.summary();
                let duel = &mut self.duel;
                let dana = duel.mfa.account(&duel.id).at(duel.at());
                let pending =
                    dana.replace(duel.device, "new", proof, &mut duel.rng).run(&duel.store);
                let pending = pending.unwrap();
                let uri = pending.uri("Acme", "owner").unwrap();
                duel.app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
                let code = duel.app.generate(duel.at()).unwrap();
                let bound = dana
                    .confirm(pending.id(), code.expose_str(), &mut duel.rng)
                    .run(&duel.store)
                    .accepted();
                duel.device = bound.unwrap().device();
                self.note_forgiving(&before, false);
            }
        }
    }

    /// Rows end in any case; the account of thirty days is emptied twice in thirty days by the person,
    /// and by an operator always.
    fn note_forgiving(&mut self, before: &Summary, by_operator: bool) {
        let (now, after) = (self.duel.now, self.duel.summary());
        assert_eq!(after.codes.consecutive_failures, 0);
        let by_person =
            self.forgiven.iter().filter(|(at, by_operator)| !by_operator && at + 30 * DAY > now);
        let (by_person, emptied) = (by_person.count(), after.codes.weight == 0);
        if by_operator {
            assert!(emptied, "an operator always empties it");
        }
        let last = self.forgiven.last().map_or(0, |(at, _)| *at);
        let of_own =
            |(at, _, remembered): &Charged| *remembered && *at >= last && at + 30 * DAY > now;
        let has_any = before.codes.weight > 0 || self.charged.iter().any(of_own);
        if !by_operator && by_person >= 2 && before.codes.weight > 0 {
            assert!(!emptied, "the person empties it twice");
        }
        if emptied && has_any {
            self.forgiven.push((now, by_operator));
        }
    }

    fn holds(&self) {
        let limits = self.duel.policy.throttle;
        let limits = [limits.per_thirty_days.as_u64(), limits.remembered.as_u64()];
        for (remembered, limit) in [false, true].into_iter().zip(limits) {
            for (from, weight) in heaviest(&self.charged, remembered) {
                let within = self.forgiven.iter();
                let within = within.filter(|(at, _)| (from..from + 30 * DAY).contains(at)).count();
                let limit = limit * (1 + within as u64);
                assert!(weight <= limit, "{weight} in thirty days from {from}, over {limit}");
            }
        }
    }
}

#[test]
fn any_thirty_days_hold_what_the_policy_says() {
    let reached = std::cell::Cell::new([0_u64; 4]);
    let result = super::runner(16).run(&(0..12_u64, happenings()), |(tokens, happenings)| {
        let mut accounts = Accounts::begin(tokens);
        for (later, what) in happenings {
            accounts.duel.now += later;
            accounts.happens(what);
        }
        accounts.holds();
        let [full, of_both, forgiven, all] = reached.get();
        let most = |remembered| {
            let all = heaviest(&accounts.charged, remembered);
            all.into_iter().map(|(_, weight)| weight).max().unwrap_or(0)
        };
        let limit = accounts.duel.policy.throttle.per_thirty_days.as_u64();
        reached.set([
            full + u64::from(most(false) + 3 > limit),
            of_both + u64::from(most(true) > 0),
            forgiven + accounts.forgiven.len() as u64,
            all + accounts.charged.len() as u64,
        ]);
        Ok(())
    });
    result.unwrap();
    println!("full, both lanes, forgiven, charged: {:?}", reached.get());
    assert!(reached.get().iter().all(|count| *count >= 5), "{:?}", reached.get());
}
