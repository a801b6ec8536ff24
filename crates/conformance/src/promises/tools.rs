//! What the trials share: a person with a phone, a connection that fails, single writes, and races.

use countersign::account::{HostsWord, SealingKey};
use countersign::mfa::{Change, Changed, Fault as Undecided};
use countersign::{
    ChangeFactors, DeviceId, Keyring, Mfa, OsRandom, Proof, Recommended, SignIn, Totp, UnixTime,
    Verdict,
};

use super::*;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    AfterWrite,
    BeforeWrite,
    Load,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::AfterWrite => "after its write",
            Fault::BeforeWrite => "before its write",
            Fault::Load => "to load",
        })
    }
}

/// The host's store over a connection that fails.
pub(super) struct Faulty {
    pub(super) store: Handle,
    pub(super) fault: Fault,
}

pub(super) const INJECTED: &str = "a fault that the kit made";

impl Store for Faulty {
    type Error = Sentence;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        match self.fault {
            Fault::Load => Err(INJECTED.into()),
            Fault::AfterWrite | Fault::BeforeWrite => self.store.load(id),
        }
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Sentence> {
        if self.fault == Fault::AfterWrite {
            self.store.swap(id, write)?;
        }
        Err(INJECTED.into())
    }
}

/// Long after every step that an enrolment burns.
pub(super) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Somebody with a phone, and the library in front of the store.
pub(super) struct Person {
    pub(super) mfa: Mfa<Keyring, Recommended>,
    pub(super) id: AccountId,
    pub(super) phone: Totp,
    pub(super) device: DeviceId,
    pub(super) recovery: Vec<String>,
}

impl Person {
    pub(super) fn enrol(
        kit: &Kit,
        handle: &impl Store<Error = Sentence>,
    ) -> Result<Person, Sentence> {
        let (mut rng, mfa, id) = (rng()?, library()?, kit.account()?);
        let account = mfa.account(&id).at(NOW);
        let pending = account.enrol("phone", &mut rng).run(handle);
        let pending = pending.map_err(|not_done| not_done_of("a new account", &not_done))?;
        let uri = pending.uri("kit", "person").map_err(|error| format!("{error}"))?;
        let parameters = uri.totp_parameters().ok_or(PANICKED)?;
        let phone = Totp::new(uri.secret(), parameters);
        let code = phone.generate(NOW).ok_or(PANICKED)?;
        let verdict = account.confirm(pending.id(), code.expose_str(), &mut rng).run(handle);
        let bound = verdict.decided().map_err(undecided)?.accepted();
        let bound = bound.ok_or("a started enrolment was not found again: see C2 and C4")?;
        let codes = bound.recovery_codes().into_iter().flat_map(|codes| codes.iter());
        let recovery = codes.map(|code| String::from(code.expose_text().as_str())).collect();
        let device = bound.device();
        Ok(Person { mfa, id, phone, device, recovery })
    }

    /// The nth moment whose code differs from the one before.
    pub(super) fn moment(&self, nth: usize) -> UnixTime {
        let nth = u64::try_from(nth).unwrap_or(0);
        NOW.plus(nth.saturating_add(4).saturating_mul(30))
    }

    pub(super) fn code(&self, now: UnixTime) -> Result<String, Sentence> {
        let code = self.phone.generate(now).ok_or(PANICKED)?;
        Ok(code.expose_str().into())
    }

    /// One for each of the crowd, none of them right around `now`.
    pub(super) fn wrong_codes(&self, now: UnixTime) -> Result<Vec<String>, Sentence> {
        let steps = (0_u64..10).map(|step| now.plus(step.saturating_mul(30)).as_secs());
        let moments = steps.map(|secs| UnixTime::from_secs(secs.saturating_sub(150)));
        let right = moments.map(|at| self.code(at)).collect::<Result<Vec<String>, _>>()?;
        let codes = (0..1_000_000).map(|code| format!("{code:06}"));
        Ok(codes.filter(|code| !right.contains(code)).take(CROWD).collect())
    }

    /// `None` if the attempt was not decided because too many others were made at once.
    pub(super) fn verify(
        &self,
        handle: &impl Store<Error = Sentence>,
        code: &str,
        now: UnixTime,
    ) -> Result<Option<Verdict<Proof<SignIn>>>, Sentence> {
        decided(self.mfa.account(&self.id).at(now).verify(code, SignIn).run(handle))
    }

    pub(super) fn recover(
        &self,
        handle: &impl Store<Error = Sentence>,
        code: &str,
        now: UnixTime,
    ) -> Result<Option<Verdict<Proof<SignIn>>>, Sentence> {
        decided(self.mfa.account(&self.id).at(now).recover(code, SignIn).run(handle))
    }

    pub(super) fn prove(
        &self,
        handle: &Handle,
        now: UnixTime,
    ) -> Result<Proof<ChangeFactors>, Sentence> {
        let code = self.code(now)?;
        let verify = self.mfa.account(&self.id).at(now).verify(&code, ChangeFactors);
        for _ in 0..CROWD {
            if let Some(verdict) = decided(verify.run(handle))? {
                return verdict.accepted().ok_or_else(|| "a right code was not accepted".into());
            }
        }
        Err(NEVER_ENDS.into())
    }

    pub(super) fn offboard(
        &self,
        handle: &impl Store<Error = Sentence>,
        id: &AccountId,
    ) -> Result<(), Sentence> {
        let mut offboard = self.mfa.account(id).at(self.moment(0)).bar(HostsWord::Process, "left");
        until_done("offboarding", &mut offboard, handle).map(drop)
    }

    pub(super) fn summary(&self, handle: &Handle, now: UnixTime) -> Result<Summary, Sentence> {
        let summary =
            self.mfa.account(&self.id).at(now).summary().run(handle).map_err(undecided)?;
        summary.ok_or_else(|| "the record of an enrolled person is gone".into())
    }
}

pub(super) fn is_accepted<T>(verdict: &Option<Verdict<T>>) -> bool {
    matches!(verdict, Some(Verdict::Accepted(_)))
}

pub(super) fn decided<T>(
    verdict: Verdict<T, Undecided<Sentence>>,
) -> Result<Option<Verdict<T>>, Sentence> {
    match verdict.decided() {
        Ok(verdict) => Ok(Some(verdict)),
        Err(Undecided::Contended) => Ok(None),
        Err(fault) => Err(undecided(fault)),
    }
}

/// Runs a change that has to get through a crowd.
pub(super) fn until_done<T, A>(
    what: &str,
    change: &mut Change<'_, T, A>,
    handle: &impl Store<Error = Sentence>,
) -> Result<Changed<T>, Sentence> {
    for _ in 0..CROWD {
        match change.run(handle) {
            Err(NotDone::Undecided(Undecided::Contended)) => {}
            done => return done.map_err(|not_done| not_done_of(what, &not_done)),
        }
    }
    Err(NEVER_ENDS.into())
}

pub(super) fn not_done_of<A>(what: &str, not_done: &NotDone<Sentence, A>) -> Sentence {
    match not_done {
        NotDone::Refused { refusal, .. } => format!("{what}: {refusal}"),
        NotDone::Undecided(fault) => format!("{fault}"),
    }
}

pub(super) fn undecided(error: Undecided<Sentence>) -> Sentence {
    format!("{error}")
}

/// Returns the library, with a new key.
pub(super) fn library() -> Result<Mfa<Keyring, Recommended>, Sentence> {
    let mut key = [0; 32];
    rand::Rng::fill_bytes(&mut rng()?, &mut key);
    let key = SealingKey::new(&key).map_err(|error| format!("{error}"))?;
    let keys = Keyring::new("kit", key).map_err(|error| format!("{error}"))?;
    Ok(Mfa::new(keys, Recommended))
}

pub(super) fn rng() -> Result<OsRandom, Sentence> {
    OsRandom::new().map_err(|error| format!("{error}"))
}

pub(crate) fn put(
    handle: &Handle,
    id: &AccountId,
    expected: Option<u64>,
    record: &Record,
) -> Result<Swap, Sentence> {
    let swap = handle.swap(id, &Draft::new(id, expected, record.clone()).write());
    swap.map_err(|sentence| {
        let largest = expected.unwrap_or(0).max(record.version());
        // Below this, the version is not what is wrong.
        if largest <= u64::from(u16::MAX) || !sentence.starts_with(SWAP_FAILED) {
            return sentence;
        }
        format!("{sentence}; the write carried the version {largest}: {OVERFLOWS}")
    })
}

pub(super) fn accepts(
    handle: &Handle,
    id: &AccountId,
    expected: Option<u64>,
    record: &Record,
    when: &str,
) -> Result<(), Sentence> {
    match put(handle, id, expected, record) {
        Ok(Swap::Stored) => Ok(()),
        Ok(Swap::Stale) => Err(format!("swap answered Stale {when}; it expected {expected:?}")),
        Err(sentence) => Err(format!("{sentence} ({when})")),
    }
}

pub(super) fn refuses(
    handle: &Handle,
    id: &AccountId,
    expected: Option<u64>,
    when: &str,
) -> Result<(), Sentence> {
    let record = record_of(id, expected.map_or(1, next), 9);
    match put(handle, id, expected, &record)? {
        Swap::Stale => Ok(()),
        Swap::Stored => Err(format!(
            "swap answered Stored {when}, though it expected {expected:?}: write only where the \
             stored version is the expected one, and say Stored only if one row changed"
        )),
    }
}

pub(super) fn holds(
    handle: &Handle,
    id: &AccountId,
    record: &Record,
    when: &str,
) -> Result<(), Sentence> {
    match handle.load(id)? {
        Some(loaded) if loaded == *record => Ok(()),
        Some(loaded) if loaded.version() == record.version() => {
            Err(format!("load returned other bytes than were stored, {when}"))
        }
        Some(loaded) => Err(format!(
            "load returned version {}, where {} was stored, {when}",
            loaded.version(),
            record.version()
        )),
        None => Err(format!("load found no record, {when}")),
    }
}

pub(super) fn absent(handle: &Handle, id: &AccountId, when: &str) -> Result<(), Sentence> {
    match handle.load(id)? {
        None => Ok(()),
        Some(found) => Err(format!("load found {found:?} of an account {when}")),
    }
}

/// Runs `work` on `threads` threads, each with its handle, in `rounds` rounds that all of
/// them begin at once. The results by round.
pub(super) fn race<T: Send>(
    kit: &Kit,
    threads: usize,
    rounds: usize,
    work: impl Fn(usize, usize, &Handle) -> Result<T, Sentence> + Sync,
) -> Result<Vec<Vec<T>>, Sentence> {
    let line = Barrier::new(threads);
    let lane = |thread: usize| -> Vec<Result<T, Sentence>> {
        let handle = kit.open();
        // Whatever fails, everybody comes to the line in every round, or the others would wait.
        let run = |round| {
            line.wait();
            let handle = handle.as_ref().map_err(String::clone)?;
            let work = AssertUnwindSafe(|| work(round, thread, handle));
            catch_unwind(work).unwrap_or_else(|_| Err(PANICKED.into()))
        };
        (0..rounds).map(run).collect()
    };
    let lanes: Vec<_> = thread::scope(|scope| {
        let lane = &lane;
        let lanes: Vec<_> = (0..threads).map(|nth| scope.spawn(move || lane(nth))).collect();
        lanes.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut results: Vec<Vec<T>> = Vec::new();
    results.resize_with(rounds, Vec::new);
    for lane in lanes {
        let lane = lane.map_err(|_| PANICKED)?;
        for (results, result) in results.iter_mut().zip(lane) {
            results.push(result.map_err(wait_for_others)?);
        }
    }
    Ok(results)
}

/// What to do where a call failed because others wrote at once.
fn wait_for_others(sentence: Sentence) -> Sentence {
    failed(sentence, |sentence| {
        format!(
            "{sentence}; where others write at once, wait for their lock (a busy timeout), and a \
             conflict is Stale, not an error"
        )
    })
}

/// Runs `change` once, here, against `threads` threads that go on with `work` until it is done.
pub(super) fn race_with<T: Send>(
    kit: &Kit,
    threads: usize,
    change: &dyn Fn() -> Result<(), Sentence>,
    work: &(dyn Fn(&Handle) -> Result<T, Sentence> + Sync),
) -> Result<(), Sentence> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = &over;
        let busy = move || -> Result<(), Sentence> {
            let handle = kit.open()?;
            while !over.load(Ordering::Relaxed) {
                work(&handle)?;
            }
            Ok(())
        };
        let others: Vec<_> = (0..threads).map(|_| scope.spawn(busy)).collect();
        let changed = change();
        over.store(true, Ordering::Relaxed);
        for other in others {
            other.join().map_err(|_| PANICKED)?.map_err(wait_for_others)?;
        }
        changed
    })
}
