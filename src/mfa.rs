//! The operations: everything that can be done to one person's account. Each family has a file, the
//! public door right above its decision.
//!
//! Standard: NIST SP 800-63B-4; each file names its sections.

pub(crate) mod answer;
pub(crate) mod decision;
pub(crate) mod operation;
pub(crate) mod handle;
pub(crate) mod authority;
pub(crate) mod attempt;
pub(crate) mod sign_in;
pub(crate) mod enrol;
pub(crate) mod confirm;
pub(crate) mod import;
pub(crate) mod recover;
pub(crate) mod sms;
pub(crate) mod external;
pub(crate) mod browser;
pub(crate) mod carry;
pub(crate) mod trusted;
pub(crate) mod unlock;
pub(crate) mod pass;
pub(crate) mod help;
pub(crate) mod lifecycle;
pub(crate) mod keys;

pub use self::{
    answer::*, confirm::*, decision::Floor, enrol::*, external::*, handle::*, operation::*,
    pass::Entered, sign_in::*, sms::*,
};
