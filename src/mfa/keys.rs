//! A record that moves to another key, and one that no key opens.
//!
//! Standard: NIST SP 800-57 part 1 section 5.3 (the life of a key ends), 45 CFR 164.312(b) (what is given
//! up is on the trail).
//!
//! Draws no key and keeps none: `docs/KEYS.md` has the steps.

use alloc::{boxed::Box, vec::Vec};

use crate::account::{Account, AnyChange, EventKind, Operator, Reason, RecordName, Refusal};
use crate::mfa::decision::{Context, Decision, DraftEvent, Mode};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Change, NoProof};
use crate::text::Text;

impl<'m> AccountAt<'m> {
    /// Seals the record anew with the newest key, so that an older one can go: the same state, under the
    /// next version. Returns whether there was something to do.
    ///
    /// A leaver's record too. Reads only, and emits nothing, where the key is
    /// [current](crate::account::Seal::is_current) or there is no record. The epoch stays. Sign-ins at the
    /// same time go on: tried 128 times. Emits `Resealed`.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # use countersign::{account::SealingKey, Keyring, Mfa, Recommended};
    /// # let [old, new] = [SealingKey::parse(host::KEY)?, SealingKey::parse(&host::KEY.replace("b1", "4c"))?];
    /// # let (mut mfa, store, mut rng, now) = host::new()?;
    /// # let (id, _) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let people = [id];
    /// // After the rollout of a new key, over the ids of the host's own table.
    /// mfa = Mfa::new(Keyring::new("acme", new)?.opening_older(old), Recommended);
    /// for id in &people {
    ///     let resealed = mfa.account(id).at(now).reseal().run(&store)?;
    ///     assert!(*resealed);
    ///     assert!(!*mfa.account(id).at(now).reseal().run(&store)?); // nothing is left to do
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reseal(&self) -> Change<'m, bool> {
        self.change(|account, cx| Ok(account.reseal(cx))).persistent().in_mode(Mode::AsItIs)
    }

    /// Gives up a record that does not open, such as when its key is lost, on the word of an operator.
    ///
    /// `broken` is what the [fault](crate::mfa::Fault) printed. Afterwards only an invitation opens the
    /// account, and its standing is [`OperatorOnly`](crate::account::Standing::OperatorOnly): whether the
    /// person had left is as unknown as their factors, so ask first, and offboard who had. The epoch is above any that
    /// the record can have had. Refused if the record opens, or is not `broken`. Undecided for a newer
    /// release's record and while a key management is away. Emits
    /// `Abandoned`. 45 CFR 164.312(b).
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// # use countersign::{Record, Store, Summary, Write};
    /// # let row = Store::load(&store, &id)?.ok_or("no record")?;
    /// # let torn = Record::new(row.version() + 1, row.as_bytes()[..40].to_vec());
    /// # Store::swap(&store, &id, &Write::new(Some(row.version()), &torn, &Summary::default(), &[]))?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{account::{Operator, Standing}, mfa::Fault, ActForOther};
    /// // What the log said: which record, under which key.
    /// let Err(Fault::Record { record: Some(broken), .. }) = dana.summary().run(&store) else {
    ///     panic!("it opens");
    /// };
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let lee = Operator::checked_by_host(proof, "role security-official");
    /// dana.abandon(broken, lee, "the disk tore the row").run(&store)?;
    /// assert_eq!(dana.standing().run(&store)?, Standing::OperatorOnly);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn abandon(
        &self,
        broken: RecordName,
        operator: Operator,
        reason: &str,
    ) -> Change<'m, (), Operator> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.change::<_, NoProof>(move |account, cx| {
            Ok(account.abandon(cx, broken, reason.as_ref().map_err(|error| *error)?))
        })
        .allowed(Some(AnyChange::Abandon), operator)
        .in_mode(Mode::GiveUp)
    }
}

impl Account {
    fn reseal(self: Box<Self>, cx: &Context<'_>) -> Decision<Result<bool, Refusal>> {
        let key = cx.record.and_then(|(record, _)| record.key);
        if key.is_none_or(|key| cx.keys.is_current(key)) {
            return Decision { answer: Ok(false), next: None, dummy: None, happened: Vec::new() };
        }
        self.change(true, Vec::from([DraftEvent::plain(EventKind::Resealed)]))
    }

    fn abandon(
        mut self: Box<Self>,
        cx: &Context<'_>,
        broken: RecordName,
        reason: &Reason,
    ) -> Decision<Result<(), Refusal>> {
        let allowed = self.operator_proof(cx).and(match cx.record {
            Some((_, false)) => Err(Refusal::RecordOpens),
            Some((stored, true)) if stored == broken => Ok(()),
            _ => Err(Refusal::NotFound),
        });
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        // A write raises the epoch and the generation by one at most, and giving up a record by two for
        // each version. So twice the version is above any that the record had. No browser token and no
        // session from before is taken for one from after.
        let above = broken.version.saturating_add(1).saturating_mul(2);
        let above = u32::try_from(above).unwrap_or(u32::MAX).min(u32::MAX / 2); // with room to rise
        (self.epoch, self.browser_generation) = (above, above);
        self.abandoned_at = Some(cx.now);
        (self.needs_pass, self.import_ended) = (true, true);
        (self.used.ended, self.used_for_other.ended) = (cx.now, cx.now);
        let kind = EventKind::Abandoned { record: broken, reason: reason.clone() };
        self.change((), Vec::from([DraftEvent::plain(kind)]))
    }
}
