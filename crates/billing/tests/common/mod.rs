//! Real proofs, one by every method: the gate takes nothing less.

use std::sync::OnceLock;

use countersign::account::{Assertion, Operator, PassLength, PhoneNumber, SealingKey};
use countersign::mfa::{Entered, ExternalMethod, RestrictedNotice};
use countersign::{
    AccountId, ActForOther, Algorithm, Bounded, Hotp, Keyring, MemoryStore, Method, Mfa, OsRandom,
    Policy, Proof, Secret, SignIn, Totp, UnixTime,
};
use countersign_billing::rollout::GateAnswer;

struct Trusting;

impl Policy for Trusting {
    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Some(Bounded::of::<86_400>())
    }
}

pub trait Opens {
    /// What the gate answers to a proof by this method, or to the password alone.
    fn opens(self, proved: Option<Method>) -> bool;
}

impl Opens for GateAnswer {
    fn opens(self, proved: Option<Method>) -> bool {
        match proved {
            // A pass to enrol with gives no proof for signing in.
            Some(Method::Pass) | None => self.admits_password_alone(),
            Some(method) => self.admits(proof_by(method)),
        }
    }
}

pub fn proof_by(method: Method) -> &'static Proof<SignIn> {
    static PROOFS: OnceLock<Vec<Proof<SignIn>>> = OnceLock::new();
    let opening = Method::ALL.into_iter().filter(|method| *method != Method::Pass);
    let proofs = PROOFS.get_or_init(|| opening.map(make).collect());
    let proof = proofs.iter().find(|proof| proof.method() == method);
    proof.expect("one by every method")
}

fn make(method: Method) -> Proof<SignIn> {
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().unwrap());
    let key =
        SealingKey::new(Secret::generate(Algorithm::Sha256, &mut rng).expose_bytes()).unwrap();
    let mfa = Mfa::with_policy(Keyring::new("office", key).unwrap(), Trusting).unwrap();
    let now = UnixTime::from_secs(1_793_000_000);
    let account = |number: &str| mfa.account(&AccountId::new(number).unwrap());
    let (then, dana) = (account("1").at(now), account("1").at(now.plus(60)));
    let mut app = |number: &str| {
        let person = account(number).at(now);
        let pending = person.enrol("Phone", &mut rng).run(&store).unwrap();
        let uri = pending.uri("Demo", "dana").unwrap();
        let totp = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let code = |at| totp.generate(at).unwrap().expose_str().to_owned();
        let bound = person.confirm(pending.id(), &code(now), &mut rng).run(&store).accepted();
        (bound.unwrap(), code(now.plus(60)))
    };
    match method {
        Method::Totp | Method::TrustedBrowser => {
            let proof = dana.verify(&app("1").1, SignIn).run(&store).accepted().unwrap();
            if method == Method::Totp {
                return proof;
            }
            let browser = dana.trust_browser(&proof, &mut OsRandom::new().unwrap()).run(&store);
            dana.visit(browser.unwrap().expose_token()).run(&store).accepted().unwrap().0
        }
        Method::Hotp => {
            let digits = countersign::Digits::Six;
            let pending = then.enrol_hotp("Token", digits, &mut rng).run(&store).unwrap();
            let uri = pending.uri("Demo", "dana").unwrap();
            let token = Hotp::new(uri.secret(), uri.algorithm(), digits);
            let shown = token.generate(0);
            let bound = then.confirm(pending.id(), shown.expose_str(), &mut rng).run(&store);
            bound.accepted().unwrap().into_proof()
        }
        Method::Passkey | Method::Pki => {
            let kind = match method {
                Method::Pki => ExternalMethod::Pki,
                _ => ExternalMethod::Passkey,
            };
            let device = then.bind_external("Key", kind, &mut rng).run(&store).unwrap().device();
            let challenge = dana.start_external(SignIn, &mut rng).unwrap();
            let word = Assertion::verified_by_host(challenge.token(), device);
            dana.finish_external(word, SignIn).run(&store).accepted().unwrap()
        }
        Method::Sms => {
            let number = PhoneNumber::new("+15550100100").unwrap();
            let told = RestrictedNotice::given_by_host();
            let sent = then.enrol_phone("SMS", number, told, &mut rng).run(&store).unwrap();
            let code = sent.to_send().unwrap().expose_str().to_owned();
            let bound = then.confirm(sent.id(), &code, &mut rng).run(&store);
            bound.accepted().unwrap().into_proof()
        }
        Method::RecoveryCode => {
            let (bound, _) = app("1");
            let codes = bound.recovery_codes().unwrap();
            let printed = codes.iter().next().unwrap().expose_text().to_string();
            dana.recover(&printed, SignIn).run(&store).accepted().unwrap()
        }
        Method::Emergency => {
            let _ = app("1");
            let (_, code) = app("2");
            let operator = account("2").at(now.plus(60)).verify(&code, ActForOther).run(&store);
            let operator = Operator::checked_by_host(operator.accepted().unwrap(), "help desk");
            let length = PassLength::Long;
            let mut grant =
                dana.grant_emergency_access(operator, length, 3600, "at home", &mut rng);
            let pass = grant.run(&store).unwrap().into_inner();
            match dana.enter_pass(&pass.expose_text()).run(&store).accepted() {
                Some(Entered::SignIn(proof)) => proof,
                other => panic!("{other:?}"),
            }
        }
        Method::Pass => panic!("it opens no session"),
    }
}
