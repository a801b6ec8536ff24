//! Signing in over an asynchronous store, under any runtime: the same operations, awaited.
//!
//! `cargo run --example async_sign_in`

use std::error::Error;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign::{
    AccountId, AsyncStore, Keyring, Mfa, Proof, Recommended, SignIn, UnixTime, Verdict,
};

#[path = "shared/person.rs"]
mod person;

/// What a handler of the host does with a code. `None`: the page says that the code was wrong.
async fn sign_in<S: AsyncStore>(
    mfa: &Mfa<Keyring, Recommended>,
    store: &S,
    id: &AccountId,
    typed: &str,
    now: UnixTime,
) -> Result<Option<Proof<SignIn>>, Box<dyn Error>>
where
    S::Error: Error + 'static,
{
    match mfa.account(id).at(now).verify(typed, SignIn).run_async(store).await.decided()? {
        Verdict::Accepted(proof) => Ok(Some(proof)),
        Verdict::Wait { until } => Err(format!("not before {until}").into()),
        _ => Ok(None),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut example = person::Example::new()?;
    let code = example.next_code()?;
    let person::Example { mfa, store, id, now, .. } = &example;
    for _ in 0..2 {
        let mut future = pin!(sign_in(mfa, store, id, &code, *now));
        let proof = loop {
            // Your runtime polls it. In memory it is ready at once.
            if let Poll::Ready(proof) =
                future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                break proof?;
            }
        };
        println!("the code opens a session: {}", proof.is_some());
    }
    Ok(())
}
