//! The walk-through: two people, one database file, everything that happens to a factor.
//!
//! The phones and the clock are simulated, because nobody wants to wait; the database, the library
//! and its answers are real. Every answer is compared with what was announced. The reason of a "no"
//! stands in the audit event only, so that is compared as well.

use std::cell::RefCell;
use std::io::Write;

use countersign::account::{EventKind, HostsWord, Refusal, RejectionReason};
use countersign::mfa::{AccountAt, Changed, Confirmed, NotDone, PendingEnrolment};
use countersign::{
    AccountId, Action, ChangeFactors, DeviceId, Event, Keyring, Mfa, OsRandom, Proof,
    ProvisioningUri, Purpose, Recommended, Record, SignIn, Store, Swap, Totp, UnixTime, Verdict,
};

use crate::host::{ISSUER, People};
use crate::qr;
use crate::stores::{AnyStore, Fault, Place, StoreFault};

/// Why a walk-through ended early.
pub enum Stop {
    /// An answer was another one than announced.
    NotAsTold(String),
    /// Something could not be done at all.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Fault(error.into())
    }
}

type Told<T = ()> = Result<T, Stop>;

/// What became of a change.
type Done<T, A> = Result<Changed<T>, NotDone<StoreFault, A>>;

/// Runs it over `place`, where nobody is known yet, and tells it to `out`.
pub fn run(place: Place, people: &People, keys: Keyring, out: &mut dyn Write) -> Told {
    let mut rng = OsRandom::new()?;
    let dana = people.find_or_add("Dana", &mut rng)?.account;
    let ravi = people.find_or_add("Ravi", &mut rng)?.account;
    let store = Watched { store: place.open()?, events: RefCell::default() };
    let mfa = Mfa::new(keys, Recommended);
    // From the start of a time step, so that "30 seconds later" is the next code.
    let now = UnixTime::now()?.as_secs();
    let now = UnixTime::from_secs(now.saturating_sub(now % 30));
    let mut walk = Walk { mfa: &mfa, store, place, now, rng, out, step: 0, typed: String::new() };

    let phone = walk.enrolment(&dana)?;
    walk.sign_in(&dana, &phone)?;
    walk.guessing(&dana, &phone)?;
    walk.step_up(&dana, &ravi, &phone)?;
    let phone = walk.new_phone(&dana, phone)?;
    walk.lost_phone(&ravi)?;
    walk.last_day(&dana, &ravi, &phone)?;
    walk.end()
}

struct Walk<'w> {
    mfa: &'w Mfa<Keyring, Recommended>,
    store: Watched,
    place: Place,
    now: UnixTime,
    rng: OsRandom,
    out: &'w mut dyn Write,
    step: u32,
    /// What was typed, until its answer is told.
    typed: String,
}

// The story.
impl Walk<'_> {
    fn enrolment(&mut self, dana: &AccountId) -> Told<Phone> {
        self.chapter("Dana, who submits claims, gets a code");
        self.tell("Dana starts to enrol her phone. This is what her screen shows, once:");
        let (pending, uri) = self.scan("Dana", dana, None)?;
        let printed = format!("\n{}\n{}\n", *qr::for_terminal(&uri), *uri.expose_uri());
        self.print(&printed);
        let minutes = pending.until().since(self.now) / 60;
        self.outcome(&format!("pending, to be confirmed within {minutes} minutes"));
        let phone = Phone::holding(&uri, pending.device())?;

        self.tell("Before she has confirmed it, somebody signs in with its code.");
        let verdict = self.verify(dana, &phone.shows(self.now)?, SignIn)?;
        self.rejected(verdict, RejectionReason::NoDevice)?;
        self.why("A secret that was only shown satisfies nothing. Her camera may have failed.");

        self.tell("She types the code that her phone shows now.");
        let code = phone.shows(self.now)?;
        let bound = self.confirm(dana, &pending, &code)?;
        let codes = bound.recovery_codes().map(|codes| codes.expose_lines()).unwrap_or_default();
        self.outcome("her phone is bound. Her recovery codes, shown once, to be printed:");
        for pair in codes.lines().collect::<Vec<_>>().chunks(2) {
            self.print(&format!("        {}", pair.join("   ")));
        }
        self.open_session(bound.into_proof());
        self.why("With it comes a proof, which opens her session. No second code is needed.");

        self.tell("Somebody signs in with the code that she has just confirmed with.");
        let verdict = self.verify(dana, &code, SignIn)?;
        self.rejected(verdict, RejectionReason::Repeated)?;
        self.why("Confirming uses a code up like any other use of it.");
        Ok(phone)
    }

    fn sign_in(&mut self, dana: &AccountId, phone: &Phone) -> Told {
        self.chapter("Dana signs in");
        self.later(30, "Dana signs in at another desk with the next code, after her password.");
        let code = phone.shows(self.now)?;
        let verdict = self.verify(dana, &code, SignIn)?;
        let proof = self.accepted(verdict)?;
        let (method, epoch) = (proof.method().name(), proof.epoch());
        self.open_session(proof);
        self.why(&format!(
            "The answer came after the write. With it comes a proof (method {method}, epoch \
             {epoch}), and a session is opened with nothing else."
        ));

        self.tell("Somebody who looked over her shoulder types the same code.");
        let verdict = self.verify(dana, &code, SignIn)?;
        self.rejected(verdict, RejectionReason::Repeated)?;
        self.why(
            "RFC 6238 section 5.2: a code is accepted once. The answer is that of a wrong code. But \
             the copy of the last one costs Dana nothing: it may be her own form, sent twice.",
        );

        let let_go = phone.shows(self.now.plus(30))?;
        self.later(60, "Dana lets one code go by and signs in with the one after it.");
        let verdict = self.verify(dana, &phone.shows(self.now)?, SignIn)?;
        let proof = self.accepted(verdict)?;
        self.open_session(proof);

        self.tell("Somebody types the code that she let go by. It was never used.");
        let verdict = self.verify(dana, &let_go, SignIn)?;
        self.rejected(verdict, RejectionReason::Replayed)?;
        self.why(
            "The window still reaches back to it. But it is older than an accepted one, and what \
             is kept is the last accepted step, not a list of used codes.",
        );
        Ok(())
    }

    fn guessing(&mut self, dana: &AccountId, phone: &Phone) -> Told {
        self.chapter("Somebody has Dana's password and guesses");
        self.later(30, "Dana signs in once more, which forgives the failures up to now.");
        let used = phone.shows(self.now)?;
        let verdict = self.verify(dana, &used, SignIn)?;
        let proof = self.accepted(verdict)?;
        let browser = self.at(dana).remember_browser(&proof, &mut self.rng).run(&self.store);
        let browser = self.done(browser)?;
        self.open_session(proof);
        self.why("She said that it is her own computer: a cookie tells it from any other.");

        self.later(20, "Five wrong codes, one after the other, from as many sessions as you like.");
        let wrong = phone.does_not_show(self.now)?;
        for _ in 0..5 {
            let verdict = self.verify(dana, &wrong, SignIn)?;
            self.rejected(verdict, RejectionReason::WrongCode)?;
        }
        self.why("Four are free. The fifth starts a wait, for the person and not for the session.");

        self.later(10, "The right code, which nobody has used, while the account waits.");
        let verdict = self.verify(dana, &phone.shows(self.now)?, SignIn)?;
        self.waits(verdict, 20)?;
        self.why(
            "NIST SP 800-63B-4 section 3.2.2. Nothing is evaluated and nothing is written: a guesser \
             learns nothing, and the answer is the same whatever the code.",
        );

        self.tell("The program is restarted, and the database opened again.");
        self.store = Watched { store: self.place.open()?, events: RefCell::default() };
        let verdict = self.verify(dana, &phone.shows(self.now)?, SignIn)?;
        self.waits(verdict, 20)?;
        self.why("Everything that decides is in the record, and the record is on the disk.");

        self.later(20, "The wait is over. Somebody types the last code that Dana signed in with.");
        let verdict = self.verify(dana, &used, SignIn)?;
        self.rejected(verdict, RejectionReason::Repeated)?;
        self.why("A restart forgets no used code.");

        self.tell("Another wrong one. The wait doubles.");
        let verdict = self.verify(dana, &phone.does_not_show(self.now)?, SignIn)?;
        self.rejected(verdict, RejectionReason::WrongCode)?;

        self.later(60, "A minute later, the right code.");
        let verdict = self.verify(dana, &phone.shows(self.now)?, SignIn)?;
        let proof = self.accepted(verdict)?;
        self.open_session(proof);

        self.later(
            30,
            "The guesser begins again, until every browser that is not known has to wait.",
        );
        let wrong = phone.does_not_show(self.now)?;
        for _ in 0..5 {
            let verdict = self.verify(dana, &wrong, SignIn)?;
            self.rejected(verdict, RejectionReason::WrongCode)?;
        }
        self.tell("Dana, with the right code, from the computer that is remembered.");
        self.typed = phone.shows(self.now)?;
        let attempt =
            self.at(dana).verify(&self.typed, SignIn).from_browser(browser.expose_token());
        let verdict = attempt.run(&self.store).decided()?;
        let proof = self.accepted(verdict)?;
        self.open_session(proof);
        self.why(
            "ASVS 6.1.1: whoever has her password can make strangers wait, and not her. Failures of \
             her computer are counted apart; it is asked for a code like any other.",
        );
        Ok(())
    }

    fn step_up(&mut self, dana: &AccountId, ravi: &AccountId, phone: &Phone) -> Told {
        self.chapter("Something that a session is not enough for");
        self.later(30, "Dana releases claims. The host asks for a fresh code, for that action.");
        let release = Action::new("release-claims")?;
        let verdict = self.verify(dana, &phone.shows(self.now)?, release.clone())?;
        let proof = self.accepted(verdict)?;
        self.same("the purpose of the proof", proof.purpose(), &release)?;

        self.why(
            "The purpose of a proof is a type: code that opens a session with this one, or enrols a \
             phone with it, does not compile.",
        );

        self.later(30, "A fault in the host takes her proof to change factors to Ravi's account.");
        let verdict = self.verify(dana, &phone.shows(self.now)?, ChangeFactors)?;
        let proof = self.accepted(verdict)?;
        let enrol = self.at(ravi).enrol("another phone", &mut self.rng);
        let change = enrol.proven_by(proof).run(&self.store);
        self.refused(change, Refusal::ProofUnfit)?;
        self.why("A proof serves one person and one purpose.");
        Ok(())
    }

    fn new_phone(&mut self, dana: &AccountId, old: Phone) -> Told<Phone> {
        self.chapter("Dana has a new phone");
        self.tell("Somebody in her session starts to enrol a phone without a code of the old one.");
        let change = self.at(dana).enrol("another phone", &mut self.rng).run(&self.store);
        self.refused(change, Refusal::ProofRequired)?;
        self.why(
            "The first factor needs no proof. Every other one needs a proof of one before it.",
        );

        self.later(30, "Dana proves the old phone, scans the new code, and confirms.");
        let verdict = self.verify(dana, &old.shows(self.now)?, ChangeFactors)?;
        let proof = self.accepted(verdict)?;
        let replaced = Some((old.device, proof));
        let (pending, uri) = self.scan("Dana", dana, replaced)?;
        let new = Phone::holding(&uri, pending.device())?;
        let bound = self.confirm(dana, &pending, &new.shows(self.now)?)?;
        self.outcome(&format!("the new phone is bound; epoch {}", bound.epoch()));
        self.open_session(bound.into_proof());
        self.happened(|kind| *kind == EventKind::Bound { replaces: Some(old.device) }, "bound")?;
        self.happened(|kind| *kind == EventKind::Revoked, "the old phone revoked")?;
        self.why("Both in one write: no moment with two phones, none without. Older sessions end.");

        self.later(30, "The old phone, in the hands of whoever bought it.");
        let verdict = self.verify(dana, &old.shows(self.now)?, SignIn)?;
        self.rejected(verdict, RejectionReason::WrongCode)?;
        self.tell("The new one.");
        let verdict = self.verify(dana, &new.shows(self.now)?, SignIn)?;
        let proof = self.accepted(verdict)?;
        self.open_session(proof);
        Ok(new)
    }

    fn lost_phone(&mut self, ravi: &AccountId) -> Told {
        self.chapter("Ravi, who manages the office, loses his phone");
        self.tell("Ravi has enrolled and confirmed the same way.");
        let (pending, uri) = self.scan("Ravi", ravi, None)?;
        let lost = Phone::holding(&uri, pending.device())?;
        let bound = self.confirm(ravi, &pending, &lost.shows(self.now)?)?;
        let Some(codes) = bound.recovery_codes() else {
            return Err(Stop::NotAsTold("no recovery codes came with the first factor".into()));
        };
        let mut codes = codes.iter().map(|code| code.expose_text());
        let (Some(first), Some(second), Some(third)) = (codes.next(), codes.next(), codes.next())
        else {
            return Err(Stop::NotAsTold("there are fewer than three recovery codes".into()));
        };
        self.outcome("his phone is bound");

        self.tell("The phone is gone. He signs in with a recovery code from his drawer.");
        let verdict = self.recover(ravi, &first, SignIn)?;
        let proof = self.accepted(verdict)?;
        self.same("whether a new set is due", &proof.replacement_due(), &true)?;
        self.why("The proof says how it was made: new recovery codes are due now.");

        self.tell("With that proof he reports the phone lost.");
        let change = self.at(ravi).report_lost(lost.device, proof).run(&self.store);
        self.done(change)?;
        self.happened(|kind| *kind == EventKind::ReportedLost, "reported lost")?;
        self.why("One factor of any kind is enough to take a phone out of use, and no more.");

        self.later(30, "Whoever found the phone signs in with it.");
        let verdict = self.verify(ravi, &lost.shows(self.now)?, SignIn)?;
        self.rejected(verdict, RejectionReason::NoDevice)?;

        self.tell("Whoever found the used recovery code tries that.");
        let verdict = self.recover(ravi, &first, SignIn)?;
        self.rejected(verdict, RejectionReason::Repeated)?;
        self.why("NIST SP 800-63B-4 section 3.1.2.2: each of them works once.");

        self.tell("A second recovery code lets him enrol a new phone.");
        let verdict = self.recover(ravi, &second, ChangeFactors)?;
        let proof = self.accepted(verdict)?;
        let enrol = self.at(ravi).enrol("phone", &mut self.rng).proven_by(proof).run(&self.store);
        let pending = self.done(enrol)?;
        let phone = Phone::holding(&pending.uri(ISSUER, "Ravi")?, pending.device())?;
        let bound = self.confirm(ravi, &pending, &phone.shows(self.now)?)?;
        self.open_session(bound.into_proof());
        self.outcome("the new phone is bound");

        self.later(
            30,
            "He asks for new recovery codes, with a proof of the new phone, and prints them.",
        );
        let verdict = self.verify(ravi, &phone.shows(self.now)?, ChangeFactors)?;
        let proof = self.accepted(verdict)?;
        let mut fresh = self.at(ravi).regenerate_recovery_codes(proof, &mut self.rng);
        let fresh = fresh.run(&self.store);
        let fresh = self.done(fresh)?;
        self.outcome(&format!("{} new codes", fresh.len()));
        let seen = self.at(ravi).acknowledge_recovery_codes(fresh.set()).run(&self.store);
        self.done(seen)?;
        self.why("The old set lives until he says that he has the new one: a printer may fail.");

        self.tell("A code of the old set that was never used.");
        let verdict = self.recover(ravi, &third, SignIn)?;
        self.rejected(verdict, RejectionReason::WrongCode)?;
        self.why("The old set has ended as one. The paper in the drawer is worth nothing now.");
        Ok(())
    }

    fn last_day(&mut self, dana: &AccountId, ravi: &AccountId, phone: &Phone) -> Told {
        self.chapter("Dana's last day");
        self.later(30, "In the morning Dana gets a proof that would let her change her factors.");
        let verdict = self.verify(dana, &phone.shows(self.now)?, ChangeFactors)?;
        let proof = self.accepted(verdict)?;

        self.tell("Ravi offboards her.");
        let by = HostsWord::Person(*ravi);
        let change = self.at(dana).offboard(by, "last day of employment").run(&self.store);
        self.done(change)?;
        self.happened(|kind| *kind == EventKind::Revoked, "her phone revoked")?;
        self.happened(|kind| matches!(kind, EventKind::Offboarded { .. }), "offboarded")?;
        self.why(
            "One write, and in it the evidence: who, when and why (45 CFR 164.308(a)(3)(ii)(C)). It \
             needs no proof, because it can only deny.",
        );

        self.later(30, "Her phone, in the car park.");
        let verdict = self.verify(dana, &phone.shows(self.now)?, SignIn)?;
        self.rejected(verdict, RejectionReason::Offboarded)?;

        self.tell("The proof from the morning.");
        let mut fresh = self.at(dana).regenerate_recovery_codes(proof, &mut self.rng);
        let fresh = fresh.run(&self.store);
        self.refused(fresh, Refusal::Offboarded)?;

        self.tell("A new enrolment under her old account.");
        let enrol = self.at(dana).enrol("phone", &mut self.rng).run(&self.store);
        self.refused(enrol, Refusal::Offboarded)?;
        self.why("That is final. Whoever comes back gets a new account.");
        Ok(())
    }

    fn end(&mut self) -> Told {
        let steps = self.step;
        self.chapter(&format!("{steps} steps, and every one went as told"));
        Ok(())
    }
}

// The operations that the story uses again and again.
impl<'w> Walk<'w> {
    /// The person's account now.
    fn at(&self, id: &AccountId) -> AccountAt<'w> {
        self.mfa.account(id).at(self.now)
    }

    fn verify<P: Purpose>(
        &mut self,
        id: &AccountId,
        code: &str,
        purpose: P,
    ) -> Told<Verdict<Proof<P>>> {
        self.typed = code.into();
        let verify = self.at(id).verify(code, purpose).first_factor_passed();
        Ok(verify.run(&self.store).decided()?)
    }

    fn recover<P: Purpose>(
        &mut self,
        id: &AccountId,
        code: &str,
        purpose: P,
    ) -> Told<Verdict<Proof<P>>> {
        self.typed = code.into();
        let recover = self.at(id).recover(code, purpose).first_factor_passed();
        Ok(recover.run(&self.store).decided()?)
    }

    /// Starts an enrolment, or a replacement; the phone's camera reads the URI.
    fn scan(
        &mut self,
        name: &str,
        id: &AccountId,
        replaced: Option<(DeviceId, Proof<ChangeFactors>)>,
    ) -> Told<(PendingEnrolment, ProvisioningUri)> {
        let account = self.at(id);
        let mut started = match replaced {
            Some((old, proof)) => account.replace(old, "phone", proof, &mut self.rng),
            None => account.enrol("phone", &mut self.rng),
        };
        let pending = started.run(&self.store)?.into_inner();
        let uri = pending.uri(ISSUER, name)?;
        Ok((pending, uri))
    }

    fn confirm(
        &mut self,
        id: &AccountId,
        pending: &PendingEnrolment,
        code: &str,
    ) -> Told<Confirmed> {
        self.typed = code.into();
        let confirm = self.at(id).confirm(pending.id(), code, &mut self.rng);
        let verdict = confirm.run(&self.store).decided()?;
        self.accepted(verdict)
    }

    /// A host would make a session of it and keep the epoch and the time with the session.
    fn open_session(&self, proof: Proof<SignIn>) {
        drop(proof);
    }
}

// What was announced, and what came.
impl Walk<'_> {
    fn accepted<T>(&mut self, verdict: Verdict<T>) -> Told<T> {
        match verdict {
            Verdict::Accepted(accepted) => {
                self.outcome("accepted");
                Ok(accepted)
            }
            other => self.not_as_told("accepted", &words(&other)),
        }
    }

    fn rejected<T>(&mut self, verdict: Verdict<T>, why: RejectionReason) -> Told {
        let reasons = self.store.events.borrow().clone();
        let as_told = reasons.iter().any(|event| event.kind == EventKind::Rejected(why));
        match verdict {
            Verdict::Rejected { tries_left } if as_told => {
                self.outcome(&format!("rejected, tries left: {tries_left}; audit: {why:?}"));
                Ok(())
            }
            Verdict::Rejected { .. } => {
                let kinds: Vec<_> = reasons.iter().map(|event| &event.kind).collect();
                self.not_as_told(&format!("rejected as {why:?}"), &format!("{kinds:?}"))
            }
            other => self.not_as_told("rejected", &words(&other)),
        }
    }

    fn waits<T>(&mut self, verdict: Verdict<T>, secs: u64) -> Told {
        match verdict {
            Verdict::Wait { until } if until.since(self.now) == secs => {
                self.outcome(&format!("not evaluated; wait {secs} seconds"));
                Ok(())
            }
            other => self.not_as_told(&format!("wait {secs} seconds"), &words(&other)),
        }
    }

    fn done<T, A>(&mut self, change: Done<T, A>) -> Told<Changed<T>> {
        match change {
            Ok(done) => {
                self.outcome("done");
                Ok(done)
            }
            Err(NotDone::Refused { refusal, .. }) => self.not_as_told("done", &refusal.to_string()),
            Err(NotDone::Undecided(fault)) => Err(fault.into()),
        }
    }

    fn refused<T, A>(&mut self, change: Done<T, A>, refusal: Refusal) -> Told {
        match change {
            Err(NotDone::Refused { refusal: said, .. }) if said == refusal => {
                self.outcome(&format!("refused: {refusal}"));
                Ok(())
            }
            Err(NotDone::Refused { refusal: other, .. }) => {
                self.not_as_told(&refusal.to_string(), &other.to_string())
            }
            Err(NotDone::Undecided(fault)) => Err(fault.into()),
            Ok(_) => self.not_as_told(&refusal.to_string(), "done"),
        }
    }

    /// Asks for an event of the last write.
    fn happened(&mut self, as_told: impl Fn(&EventKind) -> bool, what: &str) -> Told {
        let happened = self.store.events.borrow().iter().any(|event| as_told(&event.kind));
        match happened {
            true => {
                self.print(&format!("      audit: {what}"));
                Ok(())
            }
            false => self.not_as_told(what, "no such event"),
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, is: &T, told: &T) -> Told {
        match is == told {
            true => Ok(()),
            false => self.not_as_told(&format!("{what}: {told:?}"), &format!("{is:?}")),
        }
    }

    fn not_as_told<T>(&mut self, told: &str, came: &str) -> Told<T> {
        Err(Stop::NotAsTold(format!("step {}: told {told}, came {came}", self.step)))
    }
}

fn words<T>(verdict: &Verdict<T>) -> String {
    match verdict {
        Verdict::Accepted(_) => "accepted".into(),
        Verdict::Rejected { tries_left } => format!("rejected, tries left: {tries_left}"),
        Verdict::Wait { until } => format!("wait until {}", until.as_secs()),
        Verdict::AlreadyConfirmed => "already confirmed".into(),
        Verdict::Closed => "closed".into(),
        Verdict::Expired => "expired".into(),
        Verdict::Malformed => "malformed".into(),
        Verdict::Refused => "refused".into(),
        Verdict::Undecided(never) => match *never {},
    }
}

// The telling.
impl Walk<'_> {
    fn chapter(&mut self, title: &str) {
        self.print(&format!("\n== {title}"));
    }

    fn later(&mut self, secs: u64, what: &str) {
        self.now = self.now.plus(secs);
        self.tell(what);
    }

    fn tell(&mut self, what: &str) {
        self.step = self.step.saturating_add(1);
        let second = self.now.as_secs() % 86_400;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        self.print(&format!("\n{:>3}. {hour:02}:{minute:02}:{second:02}  {what}", self.step));
    }

    fn outcome(&mut self, outcome: &str) {
        let typed = std::mem::take(&mut self.typed);
        let space = if typed.is_empty() { "" } else { " " };
        self.print(&format!("      {typed}{space}-> {outcome}"));
    }

    fn why(&mut self, why: &str) {
        let mut line = String::new();
        for word in why.split(' ') {
            if line.len().saturating_add(word.len()) > 84 {
                self.print(&format!("      {line}"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.print(&format!("      {line}"));
    }

    /// A reader that has seen enough is no reason to stop: the exit status is still the answer.
    fn print(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }
}

/// A simulated authenticator: what any app computes from the QR code.
struct Phone {
    device: DeviceId,
    totp: Totp,
}

impl Phone {
    fn holding(uri: &ProvisioningUri, device: DeviceId) -> Result<Phone, Fault> {
        let parameters = uri.totp_parameters().ok_or("the URI is not for time-based codes")?;
        Ok(Phone { device, totp: Totp::new(uri.secret(), parameters) })
    }

    fn shows(&self, now: UnixTime) -> Result<String, Fault> {
        let code = self.totp.generate(now).ok_or("the time is before T0")?;
        Ok(code.expose_str().to_owned())
    }

    /// A code that is wrong for certain, now and one step to each side.
    fn does_not_show(&self, now: UnixTime) -> Result<String, Fault> {
        let before = UnixTime::from_secs(now.as_secs().saturating_sub(30));
        let shown = [self.shows(before)?, self.shows(now)?, self.shows(now.plus(30))?];
        let mut others = (0..4).map(|number| format!("{number:06}"));
        others.find(|code| !shown.contains(code)).ok_or_else(|| "three codes cannot be four".into())
    }
}

/// Hands everything on, and keeps the events of the last write.
struct Watched {
    store: AnyStore,
    events: RefCell<Vec<Event>>,
}

impl Store for Watched {
    type Error = StoreFault;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, StoreFault> {
        self.store.load(id)
    }

    fn swap(&self, id: &AccountId, write: &countersign::Write<'_>) -> Result<Swap, StoreFault> {
        self.events.replace(write.events().to_vec());
        self.store.swap(id, write)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), StoreFault> {
        self.events.replace(events.to_vec());
        self.store.note(id, events)
    }
}
