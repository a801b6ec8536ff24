//! The main job over `MemoryStore`, from enrolment to offboarding.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use countersign::account::Refusal;
use countersign::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

struct Phone(Totp);

impl Phone {
    fn of(pending: &countersign::mfa::PendingEnrolment) -> Phone {
        let uri = pending.uri("Acme Billing", "dana").unwrap();
        Phone(Totp::new(uri.secret(), uri.totp_parameters().unwrap()))
    }

    fn code(&self, now: UnixTime) -> String {
        self.0.generate(now).unwrap().expose_str().to_owned()
    }
}

#[test]
fn enrol_confirm_sign_in_and_never_again() {
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().unwrap());
    let mfa = Mfa::new(Keyring::new([7; 32]), Recommended);
    let id = AccountId::new(1_u64.to_be_bytes()).unwrap();

    let pending =
        mfa.enrol(&id, "Dana's phone", &mut rng, NOW).run(&store).unwrap().done().unwrap();
    let phone = Phone::of(&pending);
    let code = phone.code(NOW);
    let bound = mfa.confirm(&id, pending.id(), &code, &mut rng, NOW).run(&store).unwrap();
    let bound = bound.accepted().unwrap();
    assert_eq!(bound.recovery_codes().unwrap().len(), 10);

    // The code that confirmed is burnt.
    let verdict = mfa.verify(&id, &code, Purpose::SignIn, NOW).run(&store).unwrap();
    assert!(matches!(verdict, Verdict::Rejected { tries_left: 4 }), "{verdict:?}");

    let later = NOW.plus(30);
    let code = phone.code(later);
    let verdict = mfa.verify(&id, &code, Purpose::SignIn, later).run(&store).unwrap();
    assert_eq!(verdict.accepted().unwrap().method(), Method::Totp);
    let verdict = mfa.verify(&id, &code, Purpose::SignIn, later).run(&store).unwrap();
    assert!(matches!(verdict, Verdict::Rejected { tries_left: 4 }), "{verdict:?}");

    // Recovery.
    let recovery = bound.recovery_codes().unwrap().iter().next().unwrap().expose_text();
    let proof = mfa.recover(&id, &recovery, Purpose::ChangeFactors, later).run(&store).unwrap();
    let proof = proof.accepted().unwrap();
    assert!(proof.replacement_due());
    let again = mfa.recover(&id, &recovery, Purpose::ChangeFactors, later).run(&store).unwrap();
    assert!(matches!(again, Verdict::Rejected { .. }));
    let change = mfa.revoke(&id, bound.device(), proof, later).run(&store).unwrap();
    assert_eq!(change.done().unwrap_err(), Refusal::LastFactor);

    let summary = mfa.summary(&id, later).run(&store).unwrap().unwrap();
    assert_eq!(summary.recovery_codes_left, 9);
    assert_eq!(summary.strongest(), Some(Method::Totp));
    assert_eq!(summary.last_used(), Some(later));

    let record = Store::load(&store, &id).unwrap().unwrap();
    assert!(record.as_bytes().len() <= 512, "{}", record.as_bytes().len());

    let by = account::Actor::Host;
    mfa.offboard(&id, by, "left the practice", later).run(&store).unwrap().done().unwrap();
    let code = phone.code(later.plus(60));
    let verdict = mfa.verify(&id, &code, Purpose::SignIn, later.plus(60)).run(&store).unwrap();
    assert!(matches!(verdict, Verdict::Rejected { tries_left: 4 }), "{verdict:?}");
    let change = mfa.enrol(&id, "New phone", &mut rng, later).run(&store).unwrap();
    assert_eq!(change.done().unwrap_err(), Refusal::Offboarded);
}

/// Guards `!self.exists` in `Account::grant_emergency_access`: a mistyped id must let nobody in.
#[test]
fn emergency_access_is_not_granted_to_an_account_that_never_was() {
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().unwrap());
    let mfa = Mfa::new(Keyring::new([7; 32]), Recommended);
    let operator = AccountId::new(b"operator").unwrap();
    let nobody = AccountId::new(b"nobody").unwrap();
    let pending = mfa.enrol(&operator, "Phone", &mut rng, NOW).run(&store).unwrap().done().unwrap();
    let phone = Phone::of(&pending);
    let bound =
        mfa.confirm(&operator, pending.id(), &phone.code(NOW), &mut rng, NOW).run(&store).unwrap();
    assert!(bound.accepted().is_some());

    let now = NOW.plus(30);
    let proof = mfa.verify(&operator, &phone.code(now), Purpose::ActForOther, now);
    let proof = proof.run(&store).unwrap().accepted().unwrap();
    let grant = mfa.grant_emergency_access(&nobody, proof, 600, "phone in repair", now);
    assert_eq!(grant.run(&store).unwrap().done().unwrap_err(), Refusal::NothingBound);
    assert!(Store::load(&store, &nobody).unwrap().is_none());
}

/// A device of another system comes over by its URI, and what that system accepted stays used.
#[test]
fn a_device_is_imported_from_its_uri() {
    use countersign::account::ExistingDevice;
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().unwrap());
    let mfa = Mfa::new(Keyring::new([7; 32]), Recommended);
    let label = || account::Text::new("Old phone").unwrap();
    let text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let secret = || Secret::from_base32(text).unwrap();

    // TOTP: the step it was last accepted at, and all below, are used.
    let id = AccountId::new(b"totp").unwrap();
    let uri = format!("otpauth://totp/Old:dana?secret={text}&issuer=Old&digits=8");
    let uri = ProvisioningUri::parse(&uri).unwrap();
    let phone = Phone(Totp::new(&secret(), uri.totp_parameters().unwrap()));
    let last = phone.0.step_at(NOW);
    let device = ExistingDevice::from_uri(label(), &uri, last);
    assert!(mfa.import(&id, device, &mut rng, NOW).run(&store).unwrap().done().is_ok());
    let sign_in = |at| mfa.verify(&id, &phone.code(at), Purpose::SignIn, at).run(&store).unwrap();
    assert!(sign_in(NOW).accepted().is_none());
    assert!(sign_in(NOW.plus(30)).accepted().is_some());

    // HOTP: the later of the URI's counter and the one after the last accepted.
    let hotp = Hotp::new(&secret(), Algorithm::Sha1, Digits::Six);
    let uri = format!("otpauth://hotp/Old:dana?secret={text}&counter=7");
    let uri = ProvisioningUri::parse(&uri).unwrap();
    for (last, used, next) in [(None, 6, 7), (Some(3), 6, 7), (Some(7), 7, 8), (Some(40), 40, 41)] {
        let id = AccountId::new(format!("hotp {last:?}")).unwrap();
        let device = ExistingDevice::from_uri(label(), &uri, last);
        assert!(mfa.import(&id, device, &mut rng, NOW).run(&store).unwrap().done().is_ok());
        let sign_in = |counter| {
            let code = hotp.generate(counter);
            mfa.verify(&id, code.expose_str(), Purpose::SignIn, NOW).run(&store).unwrap()
        };
        assert!(sign_in(used).accepted().is_none(), "{last:?}");
        assert!(sign_in(next).accepted().is_some(), "{last:?}");
    }
    let id = AccountId::new(b"used up").unwrap();
    let device = ExistingDevice::from_uri(label(), &uri, Some(u64::MAX));
    assert!(mfa.import(&id, device, &mut rng, NOW).run(&store).unwrap().done().is_ok());
    let code = hotp.generate(u64::MAX);
    let verdict = mfa.verify(&id, code.expose_str(), Purpose::SignIn, NOW).run(&store).unwrap();
    assert!(verdict.accepted().is_none());
}
