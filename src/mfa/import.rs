//! Bringing devices over from another system.
//!
//! Standard: NIST SP 800-63B-4 section 4.1.2.

use alloc::{boxed::Box, vec::Vec};

use rand::CryptoRng;

use crate::account::{
    Account, Device, DeviceId, DeviceStatus, EventKind, ExistingDevice, Factor, HostsWord, Refusal,
};
use crate::mfa::decision::{Context, Decision, DraftEvent};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Change, NoProof};

impl<'m> AccountAt<'m> {
    /// Brings over a device that another system enrolled, on the host's word, without a code.
    ///
    /// Call it for each row of a migration. Refused: the same secret again, so a migration can be run
    /// again; once the person has enrolled or used a factor here; and for ever once any was taken out of
    /// use, because a nightly run must not bring back a stolen phone. A secret below 128 bits is marked for
    /// as long as the device lives. The epoch rises. Emits `Imported`, a notice.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::account::{ExistingDevice, Label};
    /// use countersign::{otp::Parameters, Algorithm, ProvisioningUri, Secret};
    /// # let secret = Secret::generate(Algorithm::Sha1, &mut rng);
    /// # let uri = ProvisioningUri::totp("Old", "dana", &secret, Parameters::default())?;
    /// // A row of the old system's export; a second run of the migration is refused.
    /// let label = Label::new("App")?;
    /// let row = || ExistingDevice::from_uri(label.clone(), &uri, None);
    /// assert!(dana.import(row(), &mut rng).run(&store).is_ok());
    /// assert!(dana.import(row(), &mut rng).run(&store).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import(
        &self,
        device: ExistingDevice,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, DeviceId, HostsWord> {
        let number = DeviceId::from_u64(rng.next_u64());
        self.change::<_, NoProof>(move |account, cx| Ok(account.import(cx, number, &device)))
            .allowed_by(HostsWord::Process)
    }
}

impl Account {
    /// Brings a device over from another system, on the host's word.
    ///
    /// Only into an account that has not been used here: once a person has signed in, an import
    /// would be a way to bind a device without a proof.
    pub(crate) fn import(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        import: &ExistingDevice,
    ) -> Decision<Result<DeviceId, Refusal>> {
        let method = import.method();
        let used_here = |device: &Device| !device.imported || device.last_used.is_some();
        let allowed = if self.offboarded_at.is_some() {
            Err(Refusal::Offboarded)
        } else if self.import_ended {
            Err(Refusal::ImportEnded)
        } else {
            self.admit(cx, import)
        };
        let is_used = self.recovery.newest.is_some() || self.devices.iter().any(used_here);
        let allowed = match allowed {
            Ok(_) if is_used => Err(Refusal::ProofRequired),
            Ok(factor) => self.has_room(method).map(|()| factor),
            refused => refused,
        };
        let mut factor = match allowed {
            Ok(factor) => factor,
            Err(refusal) => return Decision::refused(refusal),
        };
        // What the other system accepted is not known: every step up to the one that the device shows
        // now counts as used.
        if let Factor::Totp { parameters, last_step: last @ None, offset, .. } = &mut factor {
            let present = parameters.step_at(cx.now);
            *last = present.map(|step| step.saturating_add_signed((*offset).into()));
        }
        let fingerprint = factor.hmac_key().and_then(|key| cx.keys.fingerprint(&key[..]));
        let short_secret = import.is_short();
        let bound = Device {
            id: device,
            label: import.label.clone(),
            status: DeviceStatus::Confirmed,
            bound_at: cx.now,
            last_used: None,
            imported: true,
            probation: None,
            fingerprint,
            factor,
            openly: false,
        };
        let kind = EventKind::Imported { short_secret };
        let mut happened = Vec::from([DraftEvent::plain(kind).on(device, method)]);
        happened.extend(self.bind(cx.now, bound).into_iter().map(DraftEvent::plain));
        self.change(device, happened)
    }
}
