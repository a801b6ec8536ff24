//! The main job over `MemoryStore`, from enrolment to offboarding.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use crate::common::{acting, keyring};
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
    let mfa = Mfa::new(keyring(7), Recommended);
    let id = AccountId::new(1_u64.to_be_bytes()).unwrap();

    let pending = mfa.account(&id).at(NOW).enrol("Dana's phone", &mut rng).run(&store).unwrap();
    let phone = Phone::of(&pending);
    let code = phone.code(NOW);
    let bound = mfa.account(&id).at(NOW).confirm(pending.id(), &code, &mut rng).run(&store);
    let bound = bound.accepted().unwrap();
    assert_eq!(bound.recovery_codes().unwrap().len(), 10);

    // The code that confirmed is burnt.
    let verdict = mfa.account(&id).at(NOW).verify(&code, SignIn).run(&store);
    assert!(matches!(verdict, Verdict::Rejected { tries_left: 4 }), "{verdict:?}");

    let later = NOW.plus(30);
    let code = phone.code(later);
    let verdict = mfa.account(&id).at(later).verify(&code, SignIn).run(&store);
    assert_eq!(verdict.accepted().unwrap().method(), Method::Totp);
    let verdict = mfa.account(&id).at(later).verify(&code, SignIn).run(&store);
    assert!(matches!(verdict, Verdict::Rejected { tries_left: 4 }), "{verdict:?}");

    // Recovery.
    let recovery = bound.recovery_codes().unwrap().iter().next().unwrap().expose_text();
    let proof = mfa.account(&id).at(later).recover(&recovery, ChangeFactors).run(&store);
    let proof = proof.accepted().unwrap();
    assert!(proof.replacement_due());
    let again = mfa.account(&id).at(later).recover(&recovery, ChangeFactors).run(&store);
    assert!(matches!(again, Verdict::Rejected { .. }));
    let refused = mfa.account(&id).at(later).revoke(bound.device(), proof).run(&store);
    assert_eq!(refused.unwrap_err().refusal(), Some(Refusal::LastFactor));

    let summary = mfa.account(&id).at(later).summary().run(&store).unwrap().unwrap();
    assert_eq!(summary.recovery_codes_left, 9);
    assert_eq!(summary.strongest(), Some(Method::Totp));
    assert_eq!(summary.last_used(), Some(later));

    let record = Store::load(&store, &id).unwrap().unwrap();
    assert!(record.as_bytes().len() <= 544, "{}", record.as_bytes().len());

    let by = account::HostsWord::Process;
    mfa.account(&id).at(later).offboard(by, "left the practice").run(&store).unwrap();
    let code = phone.code(later.plus(60));
    let verdict = mfa.account(&id).at(later.plus(60)).verify(&code, SignIn).run(&store);
    assert!(matches!(verdict, Verdict::Rejected { tries_left: 4 }), "{verdict:?}");
    let refused = mfa.account(&id).at(later).enrol("New phone", &mut rng).run(&store);
    assert_eq!(refused.unwrap_err().refusal(), Some(Refusal::Offboarded));
}

/// Guards `!self.exists` in `Account::grant_emergency_access`: a mistyped id must let nobody in.
#[test]
fn emergency_access_is_not_granted_to_an_account_that_never_was() {
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().unwrap());
    let mfa = Mfa::new(keyring(7), Recommended);
    let operator = AccountId::new(b"operator").unwrap();
    let nobody = AccountId::new(b"nobody").unwrap();
    let pending = mfa.account(&operator).at(NOW).enrol("Phone", &mut rng).run(&store).unwrap();
    let phone = Phone::of(&pending);
    let bound = mfa
        .account(&operator)
        .at(NOW)
        .confirm(pending.id(), &phone.code(NOW), &mut rng)
        .run(&store);
    assert!(bound.accepted().is_some());

    let now = NOW.plus(30);
    let proof = mfa.account(&operator).at(now).verify(&phone.code(now), ActForOther);
    let proof = proof.run(&store).accepted().unwrap();
    let mut grant = mfa.account(&nobody).at(now).grant_emergency_access(
        acting(proof),
        countersign::account::PassLength::Long,
        600,
        "phone in repair",
        &mut rng,
    );
    assert_eq!(grant.run(&store).unwrap_err().refusal(), Some(Refusal::NothingBound));
    assert!(Store::load(&store, &nobody).unwrap().is_none());
}

/// A device of another system comes over by its URI, and what that system accepted stays used.
#[test]
fn a_device_is_imported_from_its_uri() {
    use countersign::account::ExistingDevice;
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().unwrap());
    let mfa = Mfa::new(keyring(7), Recommended);
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
    assert!(mfa.account(&id).at(NOW).import(device, &mut rng).run(&store).is_ok());
    let sign_in =
        |at| mfa.account(&id).at(at).verify(&phone.code(at), SignIn).run(&store).decided().unwrap();
    assert!(sign_in(NOW).accepted().is_none());
    assert!(sign_in(NOW.plus(30)).accepted().is_some());

    // HOTP: the later of the URI's counter and the one after the last accepted.
    let hotp = Hotp::new(&secret(), Algorithm::Sha1, Digits::Six);
    let uri = format!("otpauth://hotp/Old:dana?secret={text}&counter=7");
    let uri = ProvisioningUri::parse(&uri).unwrap();
    for (last, used, next) in [(None, 6, 7), (Some(3), 6, 7), (Some(7), 7, 8), (Some(40), 40, 41)] {
        let id = AccountId::new(format!("hotp {last:?}")).unwrap();
        let device = ExistingDevice::from_uri(label(), &uri, last);
        assert!(mfa.account(&id).at(NOW).import(device, &mut rng).run(&store).is_ok());
        let sign_in = |counter| {
            let code = hotp.generate(counter);
            let verify = mfa.account(&id).at(NOW).verify(code.expose_str(), SignIn);
            verify.run(&store).decided().unwrap()
        };
        assert!(sign_in(used).accepted().is_none(), "{last:?}");
        assert!(sign_in(next).accepted().is_some(), "{last:?}");
    }
    let id = AccountId::new(b"used up").unwrap();
    let device = ExistingDevice::from_uri(label(), &uri, Some(u64::MAX));
    assert!(mfa.account(&id).at(NOW).import(device, &mut rng).run(&store).is_ok());
    let code = hotp.generate(u64::MAX);
    let verdict = mfa.account(&id).at(NOW).verify(code.expose_str(), SignIn).run(&store);
    assert!(verdict.decided().unwrap().accepted().is_none());
}
