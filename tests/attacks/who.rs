//! Who may open what with what: every cell of the table in `docs/WHO-MAY-OPEN-WHAT.md`, tried.
//!
//! A row is an attacker with what the attacker has, a column is a door. Each cell is tried twice, with and
//! without what its word names, in a practice that is new each time; what came of it has to be the word
//! on the page.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::*;
use countersign::account::{
    AnyChange, Bounded, BrowserId, CarriedProof, ChallengeId, FirstEnrolment,
    Operator as ByOperator, PassLength,
};
use countersign::mfa::{AccountAt, Entered, Floor};
use countersign::{
    AccountId, ActForOther, ChangeFactors, ChangePrivileges, DeviceId, Keyring, Mfa, Policy, Proof,
    Purpose, Record, SignIn,
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    Owner,
    Password,
    Browser,
    Phone,
    Number,
    Operator,
    Clerk,
    Leaver,
    Backup,
    Database,
    OldKey,
    DatabaseAndOldKey,
}

use Who::*;

const ROWS: [(&str, Who); 12] = [
    ("the person", Owner),
    ("a stranger with the password", Password),
    ("a stranger with the unlocked browser", Browser),
    ("a thief of the phone", Phone),
    ("a thief of the telephone number", Number),
    ("an operator", Operator),
    ("an operator without the right", Clerk),
    ("a leaver", Leaver),
    ("a holder of an old backup", Backup),
    ("a holder of the database", Database),
    ("a holder of an old key", OldKey),
    ("a holder of the database and an old key", DatabaseAndOldKey),
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Door {
    SignsIn,
    ChangesFactors,
    ChangesPrivileges,
    ActsForOthers,
    Unlocks,
    EnrolsFirst,
    EnrolsAfterReset,
    Emergency,
    Trusted,
    Carried,
    Secrets,
}

const COLUMNS: [(&str, Door); 11] = [
    ("signs in", Door::SignsIn),
    ("changes factors", Door::ChangesFactors),
    ("changes privileges", Door::ChangesPrivileges),
    ("acts for others", Door::ActsForOthers),
    ("unlocks", Door::Unlocks),
    ("enrols first", Door::EnrolsFirst),
    ("enrols after a reset", Door::EnrolsAfterReset),
    ("emergency", Door::Emergency),
    ("trusted browser", Door::Trusted),
    ("carried proof", Door::Carried),
    ("reads a secret", Door::Secrets),
];

/// What makes the difference between the two tries of a cell.
fn word(who: Who, door: Door) -> &'static str {
    match (who, door) {
        (Backup | Database, _) => "without a floor",
        (DatabaseAndOldKey, _) => "until the key goes",
        (Operator, _) => "takes out only",
        (Owner, Door::ActsForOthers) => "with the host's word",
        (Owner, Door::EnrolsAfterReset | Door::Emergency) => "with the pass",
        (Owner, Door::Trusted) => "if the policy allows it",
        (_, Door::EnrolsFirst) => "if the policy is open",
        (Owner | Browser, Door::Carried | Door::Secrets) => "while it waits",
        (Browser, _) => "until it is taken back",
        _ => "until it is reported",
    }
}

/// The policy of the house, which changes its mind between the tries.
#[derive(Clone, Default)]
struct House {
    invites: Arc<AtomicBool>,
    forbids_trust: Arc<AtomicBool>,
}

impl Policy for House {
    fn first_enrolment(&self) -> FirstEnrolment {
        match self.invites.load(Ordering::SeqCst) {
            true => FirstEnrolment::Invited,
            false => FirstEnrolment::Open,
        }
    }

    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        (!self.forbids_trust.load(Ordering::SeqCst)).then_some(Bounded::of::<2_592_000>())
    }
}

/// The session of Dana's browser, and an attacker's.
const SESSION: &str = "dana's";
const ANOTHER: &str = "another";

/// Dana, who is an operator as well, with all that she has; Bo, whom she may help; Lee of the help desk; and
/// Eve, who has an account there. A stranger has guessed at Dana's.
struct Stage {
    practice: Practice<House>,
    house: House,
    dana: Person,
    telephone: DeviceId,
    bo: AccountId,
    bos_laptop: DeviceId,
    lee: Person,
    eve: Person,
    remembered: String,
    trusted: RememberedTrust,
    carried: String,
    pending: Option<(ChallengeId, Authenticator, Vec<u8>)>,
    pass: Option<String>,
    floor: Floor,
}

struct RememberedTrust {
    token: String,
    id: BrowserId,
}

impl Stage {
    /// With what waits at this door: a pass, a carried proof, an enrolment.
    fn new(keys: Keyring, door: Door) -> Stage {
        Stage::drawn_after(keys, door, 0)
    }

    /// With other random numbers than another stage has.
    fn drawn_after(keys: Keyring, door: Door, draws: u64) -> Stage {
        let house = House::default();
        let mut practice = Practice::with(house.clone());
        (0..draws).for_each(|_| drop(practice.rng()));
        practice.mfa = Mfa::with_policy(keys, house.clone()).unwrap();
        let [dana, bo, lee, eve] = [1, 2, 3, 4].map(|number| practice.person(number));
        let proof = practice.proof(&dana, ChangeFactors);
        let telephone = practice.phone(&dana.id, "+12025550123", Some(proof));
        let bos_laptop = practice.passkey(&bo.id, Some(practice.proof(&bo, ChangeFactors)));
        let remembered = practice.remember(&dana).expose_token().to_owned();
        let trusted = practice.trust(&dana);
        let trusted = RememberedTrust { token: trusted.expose_token().into(), id: trusted.id() };
        assert!(matches!(said(&practice.miss(&dana)), Said::Rejected(_)));
        let mut stage = Stage {
            practice,
            house,
            dana,
            telephone,
            bo: bo.id,
            bos_laptop,
            lee,
            eve,
            remembered,
            trusted,
            carried: String::new(),
            pending: None,
            pass: None,
            floor: Floor::default(),
        };
        stage.wait_at(door);
        stage
    }

    fn wait_at(&mut self, door: Door) {
        let (practice, dana) = (&self.practice, &self.dana);
        match door {
            Door::EnrolsAfterReset => self.pass = Some(practice.reset(&dana.id, &self.lee)),
            Door::Emergency => {
                let by = acting(practice.proof(&self.lee, ActForOther));
                let (at, long) = (practice.at(&dana.id), PassLength::Long);
                let help = at.grant_emergency_access(by, long, 600, "on call", &mut practice.rng());
                self.pass = Some(practice.run(help).unwrap().expose_text().to_string());
            }
            Door::Carried => {
                let proof = practice.proof(dana, ChangeFactors);
                let carried = practice.at(&dana.id).carry(proof, SESSION, &mut practice.rng());
                self.carried = carried.unwrap().expose_text().to_owned();
            }
            Door::Secrets => {
                let proof = practice.proof(dana, ChangeFactors);
                let enrol = practice.at(&dana.id).enrol("New", &mut practice.rng());
                let started = practice.run(enrol.proven_by(proof).for_session(SESSION)).unwrap();
                let secret = started.uri("Acme", "dana").unwrap().secret().expose_bytes().to_vec();
                self.pending = Some((started.id(), Authenticator::of(&started), secret));
            }
            _ => {}
        }
    }

    fn dana(&self) -> AccountAt<'_> {
        self.practice.at(&self.dana.id).not_older_than(self.floor)
    }

    fn store(&self) -> &Ledger {
        &self.practice.store
    }

    fn rng(&self) -> rand::rngs::StdRng {
        self.practice.rng()
    }

    fn seals_with(&mut self, keys: Keyring) {
        self.practice.mfa = Mfa::with_policy(keys, self.house.clone()).unwrap();
    }

    /// The host keeps elsewhere how far the row is.
    fn keep_floor(&mut self) {
        let version = self.store().record(&self.dana.id).unwrap().version();
        self.floor = Floor { version, epoch: self.practice.summary(&self.dana.id).epoch };
    }

    /// Dana reports a device lost, with a printed code.
    fn report(&self, device: DeviceId) {
        let recover = self.dana().recover(&self.dana.recovery_codes[0], SignIn);
        let proof = self.practice.run(recover).accepted().unwrap();
        self.practice.run(self.dana().report_lost(device, proof)).unwrap();
    }

    /// Dana makes use of what waits, or ends it.
    fn end(&self, door: Door) {
        let (practice, id) = (&self.practice, &self.dana.id);
        match door {
            Door::EnrolsAfterReset => {
                let proof = practice.entered(id, self.pass.as_ref().unwrap());
                assert!(self.binds(Some(proof)));
            }
            Door::Emergency => {
                assert_eq!(said(&practice.enter(id, self.pass.as_ref().unwrap())), Said::Accepted);
            }
            Door::Trusted => {
                practice.run(practice.at(id).distrust_browser(self.trusted.id)).unwrap();
            }
            Door::Carried => assert!(self.uses_carried(&self.carried, SESSION)),
            Door::Secrets => {
                let (pending, app, _) = self.pending.as_ref().unwrap();
                let code = app.code(practice.wait(30));
                assert_eq!(said(&practice.confirm(id, *pending, &code)), Said::Accepted);
            }
            _ => self.report(self.dana.device),
        }
    }

    // What is tried. A fault is no acceptance.

    /// Binds a new app to Dana's account.
    fn binds(&self, proof: Option<Proof<ChangeFactors>>) -> bool {
        self.binds_to(self.dana(), proof)
    }

    fn binds_to(&self, at: AccountAt<'_>, proof: Option<Proof<ChangeFactors>>) -> bool {
        let enrol = at.enrol("Theirs", &mut self.rng());
        let mut enrol = match proof {
            Some(proof) => enrol.proven_by(proof),
            None => enrol,
        };
        let Ok(pending) = enrol.run(self.store()) else { return false };
        let code = Authenticator::of(&pending).code(self.practice.now());
        at.confirm(pending.id(), &code, &mut self.rng()).run(self.store()).accepted().is_some()
    }

    fn uses_carried(&self, text: &str, session: &str) -> bool {
        let carried = CarriedProof::new(text, session);
        let mut renew = self.dana().regenerate_recovery_codes(carried, &mut self.rng());
        renew.run(self.store()).is_ok()
    }

    fn enters(&self) -> Option<Entered> {
        let pass = self.pass.as_deref().unwrap_or("0000-1111-2222-3333-4444-5555-6666");
        self.dana().enter_pass(pass).run(self.store()).accepted()
    }

    /// Everything that could prove possession.
    fn proves<Q: Purpose>(&self, who: Who, purpose: Q) -> Option<Proof<Q>> {
        let now = self.practice.wait(30);
        let (dana, store) = (self.dana(), self.store());
        let wrong = wrong_code(&[&self.dana.app, &self.eve.app], now, 0);
        match who {
            Owner | Phone | Leaver | Backup | DatabaseAndOldKey => {
                let by_code = dana.verify(&self.dana.app.code(now), purpose.clone()).run(store);
                by_code.accepted().or_else(|| match who {
                    Leaver => {
                        dana.recover(&self.dana.recovery_codes[1], purpose).run(store).accepted()
                    }
                    _ => None,
                })
            }
            Number => {
                let sent = dana.send_code(purpose.clone(), &mut self.rng()).run(store).ok()?;
                let typed = sent.to_send()?.expose_str();
                dana.verify_sent_code(sent.id(), typed, purpose).run(store).accepted()
            }
            Browser => {
                let attempt = dana.verify(&wrong, purpose).from_browser(&self.remembered);
                attempt.run(store).accepted()
            }
            Database => {
                // The row of another account, and a bit of her own.
                let (own, eves) = (store.record(&self.dana.id), store.record(&self.eve.id));
                store.put(self.dana.id, eves.unwrap());
                let theirs = dana.verify(&self.eve.app.code(now), purpose.clone()).run(store);
                let mut bytes = own.as_ref()?.as_bytes().to_vec();
                *bytes.last_mut()? ^= 1;
                store.put(self.dana.id, Record::new(own.as_ref()?.version(), bytes));
                let altered = dana.verify(&wrong, purpose).run(store);
                store.put(self.dana.id, own?);
                theirs.accepted().or(altered.accepted())
            }
            // No password, and so not past the first page.
            Operator | Clerk => None,
            Password | OldKey => dana.verify(&wrong, purpose).run(store).accepted(),
        }
    }

    /// What a proof for acting for others is worth without the host's word.
    fn acts_without_word(&self, proof: Proof<ActForOther>) -> bool {
        let bo = self.practice.at(&self.bo);
        bo.report_lost(self.bos_laptop, proof).run(self.store()).is_ok()
    }

    fn helps_bo(&self, proof: Proof<ActForOther>) -> bool {
        let bo = self.practice.at(&self.bo);
        bo.revoke(self.bos_laptop, acting(proof)).run(self.store()).is_ok()
    }

    fn lees_proof<Q: Purpose>(&self, purpose: Q) -> Proof<Q> {
        self.practice.proof(&self.lee, purpose)
    }
}

/// The stage as the attacker finds it.
fn stage(who: Who, door: Door, with: bool) -> Stage {
    let mut stage = match who {
        // Everything was written by the attacker, or can be.
        DatabaseAndOldKey => Stage::new(keyring(8), door),
        OldKey => Stage::new(keyring(9).opening_older(sealing_key(8)), door),
        _ => Stage::new(keyring(7), door),
    };
    let passes = matches!(who, Leaver | Backup | DatabaseAndOldKey) || (who == Owner && with);
    if !passes {
        stage.pass = None;
    }
    if who == OldKey {
        let theirs = Stage::drawn_after(keyring(8), door, 1000);
        let Stage { carried, trusted, remembered, .. } = theirs;
        (stage.carried, stage.trusted, stage.remembered) = (carried, trusted, remembered);
    }
    if who == Leaver {
        stage.practice.offboard(&stage.dana.id).unwrap();
    }
    if who == Backup {
        let before = stage.store().record(&stage.dana.id);
        if !matches!(door, Door::EnrolsFirst | Door::Secrets) {
            stage.end(door);
        }
        if !with {
            stage.keep_floor();
        }
        stage.store().put(stage.dana.id, before.unwrap());
    }
    match (who, word(who, door)) {
        (Database, _) if !with => stage.keep_floor(),
        (DatabaseAndOldKey, _) => {
            let keys = keyring(9);
            stage.seals_with(if with { keys.opening_older(sealing_key(8)) } else { keys });
        }
        (_, "if the policy is open") => stage.house.invites.store(!with, Ordering::SeqCst),
        (_, "if the policy allows it") => stage.house.forbids_trust.store(!with, Ordering::SeqCst),
        // After a reset there is nothing left to report.
        (Phone, "until it is reported") if !with && door != Door::EnrolsAfterReset => {
            stage.report(stage.dana.device);
        }
        (Number, "until it is reported") if !with && door != Door::EnrolsAfterReset => {
            stage.report(stage.telephone);
        }
        (_, "until it is taken back") if !with && door == Door::Trusted => stage.end(door),
        (_, "while it waits") if !with && door == Door::Carried => {
            stage.practice.wait(301);
        }
        (_, "while it waits") if !with => stage.end(door),
        _ => {}
    }
    stage
}

/// Whether the door opens.
fn opens(who: Who, door: Door, with: bool) -> bool {
    let stage = &stage(who, door, with);
    let (practice, store, dana) = (&stage.practice, stage.store(), stage.dana());
    match (door, who) {
        (Door::SignsIn, _) => stage.proves(who, SignIn).is_some(),
        (Door::ChangesFactors, Operator) if with => {
            let by = acting(stage.lees_proof(ActForOther));
            dana.revoke(stage.telephone, by).run(store).is_ok()
        }
        (Door::ChangesFactors, Operator) => stage.binds(Some(stage.lees_proof(ChangeFactors))),
        (Door::ActsForOthers, Operator) => stage.helps_bo(stage.lees_proof(ActForOther)),
        (Door::Unlocks, Operator) => {
            dana.unlock(acting(stage.lees_proof(ActForOther))).run(store).is_ok()
        }
        (Door::Carried, Operator) => {
            let (proof, reset) = (stage.lees_proof(ActForOther), AnyChange::Reset);
            let carried = dana.carry_for_other(proof, reset, ANOTHER, &mut stage.rng()).unwrap();
            let lee = ByOperator::carried_checked_by_host(carried, "role help-desk");
            dana.reset(lee, PassLength::Long, "lost", &mut stage.rng()).run(store).is_ok()
        }
        (Door::Carried, Clerk) => {
            let (proof, reset) = (stage.lees_proof(ActForOther), AnyChange::Reset);
            let carried = dana.carry_for_other(proof, reset, ANOTHER, &mut stage.rng()).unwrap();
            stage.uses_carried(carried.expose_text(), ANOTHER)
        }
        (Door::ActsForOthers | Door::Unlocks | Door::ChangesFactors, Clerk) => {
            stage.acts_without_word(stage.lees_proof(ActForOther))
        }
        (_, Operator | Clerk) => stage.proves(who, SignIn).is_some(),
        (Door::ChangesFactors, _) => {
            stage.proves(who, ChangeFactors).is_some_and(|proof| stage.binds(Some(proof)))
        }
        (Door::ChangesPrivileges, _) => stage.proves(who, ChangePrivileges).is_some(),
        (Door::ActsForOthers, _) => stage.proves(who, ActForOther).is_some_and(|proof| {
            if who == Owner && !with {
                stage.acts_without_word(proof)
            } else {
                stage.helps_bo(proof)
            }
        }),
        (Door::Unlocks, _) => {
            let proof = match who {
                Owner | DatabaseAndOldKey => {
                    let printed = &stage.dana.recovery_codes[1];
                    dana.recover(printed, ChangeFactors).run(store).accepted()
                }
                _ => stage.proves(who, ChangeFactors),
            };
            proof.is_some_and(|proof| dana.unlock(proof).run(store).is_ok())
        }
        (Door::EnrolsFirst, Owner) => {
            let new = account(77);
            let by = acting(stage.lees_proof(ActForOther));
            let invite = practice.at(&new).invite(by, PassLength::Long, "starts", &mut stage.rng());
            let pass = practice.run(invite).unwrap().expose_text().to_string();
            stage.binds_to(practice.at(&new), Some(practice.entered(&new, &pass)))
        }
        (Door::EnrolsFirst, Backup | Database) => {
            store.remove(&stage.dana.id);
            stage.binds(None)
        }
        (Door::EnrolsFirst, DatabaseAndOldKey) => {
            stage.proves(who, ChangeFactors).is_some_and(|proof| stage.binds(Some(proof)))
        }
        (Door::EnrolsFirst, Leaver) => stage.binds(None),
        (Door::EnrolsFirst, _) => stage.binds_to(practice.at(&account(77)), None),
        (Door::EnrolsAfterReset, _) => match stage.enters() {
            Some(Entered::Enrolment(proof)) => stage.binds(Some(proof)),
            _ => stage.binds(stage.proves(who, ChangeFactors)),
        },
        (Door::Emergency, _) => matches!(stage.enters(), Some(Entered::SignIn(_))),
        (Door::Trusted, _) => {
            let holds =
                matches!(who, Owner | Browser | Leaver | Backup | OldKey | DatabaseAndOldKey);
            let token = if holds { stage.trusted.token.as_str() } else { "" };
            dana.visit(token).first_factor_passed().run(store).accepted().is_some()
        }
        (Door::Carried, _) => {
            let holds =
                matches!(who, Owner | Browser | Leaver | Backup | OldKey | DatabaseAndOldKey);
            stage.uses_carried(&stage.carried, if holds { SESSION } else { ANOTHER })
        }
        (Door::Secrets, _) => reads_a_secret(stage, who, with),
    }
}

fn reads_a_secret(stage: &Stage, who: Who, with: bool) -> bool {
    let (pending, _, secret) = stage.pending.as_ref().unwrap();
    let row = stage.store().record(&stage.dana.id).unwrap();
    match who {
        Backup | Database => row.as_bytes().windows(8).any(|bytes| secret.starts_with(bytes)),
        DatabaseAndOldKey => {
            // The library opens what the key opens: a row as it was, or as the sweep left it.
            let theirs = Mfa::with_policy(keyring(8), stage.house.clone()).unwrap();
            let swept = keyring(9).opening_older(sealing_key(8));
            if !with {
                let sweep = Mfa::with_policy(swept, stage.house.clone()).unwrap();
                let at = sweep.account(&stage.dana.id).at(stage.practice.now());
                assert!(at.reseal().run(stage.store()).is_ok_and(|moved| *moved));
            }
            let at = theirs.account(&stage.dana.id).at(stage.practice.now());
            at.show_pending(*pending, SESSION).run(stage.store()).is_ok()
        }
        _ => {
            let holds = matches!(who, Owner | Browser | Leaver);
            let session = if holds { SESSION } else { ANOTHER };
            stage.dana().show_pending(*pending, session).run(stage.store()).is_ok()
        }
    }
}

/// The cell as it was found: the word of the page.
fn found(who: Who, door: Door) -> String {
    match (opens(who, door, true), opens(who, door, false)) {
        (true, true) => "yes".to_owned(),
        (false, false) => "no".to_owned(),
        (true, false) => word(who, door).to_owned(),
        (false, true) => format!("only without what is {}", word(who, door)),
    }
}

/// The table, cell by cell.
#[test]
fn every_cell_of_who_may_open_what_holds() {
    let page = include_str!("../../docs/WHO-MAY-OPEN-WHAT.md");
    let cells = |line: &str| -> Vec<String> {
        let inside = line.trim().trim_matches('|');
        inside.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut table = page.lines().skip_while(|line| !line.starts_with("| who | signs in"));
    let head = cells(table.next().unwrap());
    assert_eq!(head[1..], COLUMNS.map(|(name, _)| name.to_owned()), "the columns");
    let rows: Vec<_> = table.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect();
    let names: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ROWS.map(|(name, _)| name), "the rows");
    let mut wrong = Vec::new();
    for (row, (name, who)) in rows.iter().zip(ROWS) {
        for (cell, (column, door)) in row[1..].iter().zip(COLUMNS) {
            let found = found(who, door);
            if found != *cell {
                wrong.push(format!("{name} / {column}: the page says '{cell}', found '{found}'"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{}", wrong.join("\n"));
}
