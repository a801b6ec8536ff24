//! The trials with whole attempts: codes, failures, recovery codes, revocation, and faults in between.

use std::cell::Cell;

use countersign::mfa::Fault as Undecided;
use countersign::{SignIn, Verdict};

use super::tools::*;
use super::*;

pub(super) fn end_to_end(kit: &Kit) -> Result<(), Sentence> {
    one_code_is_accepted_once(kit)?;
    every_failure_is_counted(kit)?;
    recovery_codes_are_spent_once(kit)?;
    recovery_codes_are_spent_or_replaced(kit)?;
    revocation_wins(kit)
}

pub(super) fn one_code_is_accepted_once(kit: &Kit) -> Result<(), Sentence> {
    const ROUNDS: usize = 3;
    let person = Person::enrol(kit, &kit.open()?)?;
    let rounds = race(kit, CROWD, ROUNDS, |round, _, handle| {
        let now = person.moment(round);
        person.verify(handle, &person.code(now)?, now)
    })?;
    for verdicts in rounds {
        let accepted = verdicts.iter().filter(|verdict| is_accepted(verdict)).count();
        if accepted != 1 {
            return Err(format!(
                "{CROWD} requests with one right code at once, and {accepted} were let in, not 1: \
                 see C1 to C4 for the cause"
            ));
        }
    }
    Ok(())
}

pub(super) fn every_failure_is_counted(kit: &Kit) -> Result<(), Sentence> {
    let handle = kit.open()?;
    let person = Person::enrol(kit, &handle)?;
    let now = person.moment(0);
    let wrong = person.wrong_codes(now)?;
    let verdicts = race(kit, CROWD, 1, |_, thread, handle| {
        let code = wrong.get(thread).ok_or(PANICKED)?;
        person.verify(handle, code, now)
    })?;
    let answered = verdicts
        .iter()
        .flatten()
        .filter(|verdict| matches!(verdict, Some(Verdict::Rejected { .. })))
        .count();
    let counted = usize::from(person.summary(&handle, now)?.codes.consecutive_failures);
    if answered > 5 || counted < answered {
        return Err(format!(
            "of {CROWD} wrong codes at once {answered} were answered and {counted} counted, where \
             at most 5 may be answered and each has to be counted: see C3 for the cause"
        ));
    }
    Ok(())
}

pub(super) fn recovery_codes_are_spent_once(kit: &Kit) -> Result<(), Sentence> {
    let handle = kit.open()?;
    let person = Person::enrol(kit, &handle)?;
    let now = person.moment(0);
    // Each of the ten codes is tried by three at once.
    let verdicts = race(kit, 30, 1, |_, thread, handle| {
        let code = person.recovery.get(thread / 3).ok_or(PANICKED)?;
        person.recover(handle, code, now)
    })?;
    let verdicts: Vec<_> = verdicts.into_iter().flatten().collect();
    let accepted = verdicts.iter().filter(|verdict| is_accepted(verdict)).count();
    let twice = verdicts
        .chunks(3)
        .any(|three| three.iter().filter(|verdict| is_accepted(verdict)).count() > 1);
    let left = usize::from(person.summary(&handle, now)?.recovery_codes_left);
    if twice || left.saturating_add(accepted) != person.recovery.len() {
        return Err(format!(
            "{accepted} recovery codes were accepted and {left} of 10 are left: one was accepted \
             twice or came back; see C3 for the cause"
        ));
    }
    Ok(())
}

pub(super) fn recovery_codes_are_spent_or_replaced(kit: &Kit) -> Result<(), Sentence> {
    let handle = kit.open()?;
    let person = Person::enrol(kit, &handle)?;
    let now = person.moment(0);
    let codes = race(kit, 9, 1, |_, thread, handle| match thread.checked_sub(1) {
        Some(nth) => {
            let code = person.recovery.get(nth).ok_or(PANICKED)?;
            person.recover(handle, code, now).map(|_| 0)
        }
        None => {
            let proof = person.prove(handle, now)?;
            let mut rng = rng()?;
            let account = person.mfa.account(&person.id).at(now);
            let mut renew = account.regenerate_recovery_codes(proof, &mut rng);
            until_done("new recovery codes", &mut renew, handle).map(|codes| codes.len())
        }
    })?;
    let issued: usize = codes.into_iter().flatten().sum();
    let left = usize::from(person.summary(&handle, now)?.recovery_codes_left);
    if left != issued {
        return Err(format!(
            "{issued} recovery codes were issued while old ones were spent, and {left} are left: \
             one write went over another; see C3 for the cause"
        ));
    }
    Ok(())
}

pub(super) fn revocation_wins(kit: &Kit) -> Result<(), Sentence> {
    for offboarded in [false, true] {
        let handle = kit.open()?;
        let person = Person::enrol(kit, &handle)?;
        let (before, now) = (person.moment(0), person.moment(1));
        let proof = Cell::new(Some(person.prove(&handle, before)?));
        if offboarded {
            let leave = || person.offboard(&handle, &person.id);
            race_with(kit, 8, &leave, &|handle| person.verify(handle, &person.code(now)?, now))?;
        } else {
            let lose = || match proof.take() {
                Some(proof) => {
                    let account = person.mfa.account(&person.id).at(before);
                    let mut report = account.report_lost(person.device, proof);
                    until_done("a lost phone", &mut report, &handle).map(drop)
                }
                None => Ok(()),
            };
            race_with(kit, 8, &lose, &|handle| person.verify(handle, &person.code(now)?, now))?;
        }
        let later = person.moment(10); // no wait reaches that far
        if is_accepted(&person.verify(&kit.open()?, &person.code(later)?, later)?) {
            return Err("a device that was taken out of use while others signed in was accepted \
                        afterwards: see C3 for the cause"
                .into());
        }
    }
    Ok(())
}

pub(super) fn faults(kit: &Kit) -> Result<(), Sentence> {
    let person = Person::enrol(kit, &kit.open()?)?;
    for (round, fault) in
        [Fault::Load, Fault::BeforeWrite, Fault::AfterWrite].into_iter().cycle().take(9).enumerate()
    {
        let now = person.moment(round);
        let code = person.code(now)?;
        let before = version(&kit.open()?, &person.id)?;
        let faulty = Faulty { store: kit.open()?, fault };
        match person.mfa.account(&person.id).at(now).verify(&code, SignIn).run(&faulty) {
            Verdict::Undecided(Undecided::Store(_)) => {}
            other => return Err(format!("the store failed and the answer was {other:?}")),
        }
        let after = version(&kit.open()?, &person.id)?;
        let written = u64::from(fault == Fault::AfterWrite);
        if after != before.saturating_add(written) {
            return Err(format!(
                "a call failed {fault}, and the account went from version {before} to {after}"
            ));
        }
        // The person tries again: let in if nothing was written, and the code is used up if it was.
        let accepted = [(), ()].map(|()| person.verify(&kit.open()?, &code, now));
        let mut times = written;
        for verdict in accepted {
            times = times.saturating_add(u64::from(is_accepted(&verdict?)));
        }
        if times != 1 {
            return Err(format!(
                "a call failed {fault}, and the code was used {times} times in all, not once"
            ));
        }
    }
    failures_stay(kit, &person)?;
    (1..=6).try_for_each(|polls| dropped_half_way(kit, polls))?;
    dropped_while_reading(kit)?;
    dropped_often(kit)
}

/// A wrong code whose answer was lost is counted all the same.
pub(super) fn failures_stay(kit: &Kit, person: &Person) -> Result<(), Sentence> {
    let now = person.moment(9);
    let counted =
        || Ok::<_, Sentence>(person.summary(&kit.open()?, now)?.codes.consecutive_failures);
    let before = counted()?;
    let faulty = Faulty { store: kit.open()?, fault: Fault::AfterWrite };
    let wrong = person.wrong_codes(now)?;
    let code = wrong.first().ok_or(PANICKED)?;
    let verdict = person.mfa.account(&person.id).at(now).verify(code, SignIn).run(&faulty);
    if !matches!(verdict, Verdict::Undecided(_)) {
        return Err("the store failed and there was an answer".into());
    }
    if counted()? != before.saturating_add(1) {
        return Err("a failure was stored, its answer was lost, and it is not counted".into());
    }
    Ok(())
}

/// Drops a write half-way: all of it happened or nothing, and the handle works as before.
pub(super) fn dropped_half_way(kit: &Kit, polls: u32) -> Result<(), Sentence> {
    let (handle, id) = (kit.open()?, kit.account()?);
    accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
    handle.abandon(&id, &Draft::new(&id, Some(1), record_of(&id, 2, 1)).write(), polls)?;
    let half = |sentence| format!("after a swap whose future was dropped half-way: {sentence}");
    successor(&id, kit.open()?.load(&id)?, 2).map_err(half)?;
    climb(&handle, &id, 2, 3).map_err(half)?;
    let here = handle.load(&id)?;
    let there = kit.open()?.load(&id)?;
    if here != there {
        return Err(half(format!(
            "its handle has {here:?} and another one {there:?}: a transaction was left open"
        )));
    }
    Ok(())
}

/// Drops a load half-way: the next one on that handle hears its own answer.
fn dropped_while_reading(kit: &Kit) -> Result<(), Sentence> {
    let (handle, one, other) = (kit.open()?, kit.account()?, kit.account()?);
    for id in [&one, &other] {
        accepts(&handle, id, None, &record_of(id, 1, 0), "for a new account")?;
    }
    for polls in [1, 1, 2, 3, 4, 5, 6] {
        if !handle.abandon_load(&one, polls)? {
            return Ok(());
        }
        for id in [&other, &one] {
            holds(
                &handle,
                id,
                &record_of(id, 1, 0),
                "on a handle on which the future of a load was dropped: close a connection that still \
                 has to answer",
            )?;
        }
    }
    Ok(())
}

/// Drops more futures than a pool has connections.
fn dropped_often(kit: &Kit) -> Result<(), Sentence> {
    let (handle, id) = (kit.open()?, kit.account()?);
    accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
    let often = |sentence| {
        format!(
            "after {CROWD} loads and swaps whose futures were dropped, on one handle: {sentence}"
        )
    };
    for _ in 0..CROWD {
        if !handle.abandon_load(&id, 1).map_err(often)? {
            return Ok(());
        }
        // Expects what is not there, so nothing changes whether or not it is carried out.
        let draft = Draft::new(&id, Some(7), record_of(&id, 8, 1));
        handle.abandon(&id, &draft.write(), 1).map_err(often)?;
    }
    climb(&handle, &id, 2, 3).map(drop).map_err(often)
}
