//! Prints how many bytes a store keeps for a person with one device and ten recovery codes.

#[path = "../../../common/keys.rs"]
mod keys;

use countersign::{
    AccountId, MemoryStore, Mfa, OsRandom, Recommended, SignIn, Store, Totp, UnixTime,
};

fn main() {
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().expect("randomness"));
    let mfa = Mfa::new(keys::keyring(7), Recommended);
    let id = AccountId::new(42_u64.to_be_bytes()).expect("an id");
    let now = UnixTime::from_secs(1_800_000_000);
    let run = "memory does not fail";

    let pending = mfa.account(&id).at(now).enrol("Dana's phone", &mut rng).run(&store);
    let pending = pending.expect("nothing is bound");
    let uri = pending.uri("Acme Billing", "dana").expect("a uri");
    let app = Totp::new(uri.secret(), uri.totp_parameters().expect("TOTP"));
    let shown = |at| app.generate(at).expect("after T0");
    let bound = mfa.account(&id).at(now).confirm(pending.id(), shown(now).expose_str(), &mut rng);
    assert!(bound.run(&store).decided().expect(run).accepted().is_some());
    let later = now.plus(30);
    let verdict = mfa.account(&id).at(later).verify(shown(later).expose_str(), SignIn).run(&store);
    assert!(verdict.decided().expect(run).accepted().is_some());

    let record = Store::load(&store, &id).expect(run).expect("written");
    println!("{}", record.as_bytes().len());
}
