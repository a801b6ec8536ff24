//! The account of one person, as data: what it remembers, what it tells, and how it is sealed.
//!
//! Standard: NIST SP 800-63B-4 sections 3 and 4; each file names what it follows.
//!
//! Decides nothing: that is [`mfa`](crate::mfa).

pub(crate) mod id;
pub(crate) mod summary;
pub(crate) mod proof;
pub(crate) mod seal;
pub(crate) mod carried;
pub(crate) mod operator;
pub(crate) mod assurance;
pub(crate) mod throttle;
pub(crate) mod policy;
pub(crate) mod odds;
pub(crate) mod event;
pub(crate) mod browser;
pub(crate) mod trusted;
pub(crate) mod typed;
pub(crate) mod challenge;
pub(crate) mod recovery;
pub(crate) mod pass;
pub(crate) mod former;
pub(crate) mod device;
pub(crate) mod state;
pub(crate) mod codec;
pub(crate) mod carrying;
pub(crate) mod record;

pub use crate::{
    bounded::Bounded,
    text::{Text, TextError},
};

pub use self::browser::{MAX_BROWSERS, RememberedBrowser};
pub use self::carried::{AnyChange, CarriedProof};
pub use self::operator::{
    HostsWord, MayChangeFactors, MayChangeOwnFactors, MayOffboard, MayReportLost, Operator,
};
pub use self::proof::{
    ActForOther, Action, ActionName, AnyPurpose, ChangeFactors, ChangePrivileges, Proof, Purpose,
    Refusal, SignIn, permits,
};
pub use self::{
    assurance::*, challenge::*, device::*, event::*, id::*, odds::*, pass::*, policy::*, record::*,
    recovery::*, seal::*, summary::*, throttle::*, trusted::*,
};
pub(crate) use self::{
    browser::token,
    carried::Session,
    former::*,
    operator::{Shown, Shows},
    proof::Proven,
    state::*,
    typed::typed_code,
};
