//! A scenario as data: what the lines of a file say, before any of it is done.

use countersign::account::{AnyChange, PassLength};
use countersign::otp::Parameters;
use countersign::{AccountId, Action, Algorithm, Digits};

use super::expect::Expectation;

/// One line that says something.
#[derive(Clone, Debug)]
pub enum Line {
    Phone {
        name: String,
        secret: Vec<u8>,
        parameters: Parameters,
    },
    Token {
        name: String,
        secret: Vec<u8>,
        algorithm: Algorithm,
        digits: Digits,
        counter: u64,
    },
    Skew {
        name: String,
        secs: i64,
    },
    Press {
        name: String,
        times: u64,
    },
    Store(String),
    /// The newest first.
    Keys(Vec<String>),
    Policy(Rules),
    SameTime,
    Together,
    Step(Box<Step>),
}

/// One step of a person.
#[derive(Clone, Debug)]
pub struct Step {
    pub line: usize,
    /// Seconds since the beginning of the scenario's time.
    pub at: i64,
    pub person: String,
    pub id: AccountId,
    /// The verb as the file has it.
    pub word: String,
    pub verb: Verb,
    /// The browser that every attempt of the step comes from.
    pub from: Option<String>,
    /// The session that the step comes from, if it is not the person's usual one.
    pub session: Option<String>,
    pub expected: Option<Expectation>,
}

/// A code, as a line gives it.
#[derive(Clone, Debug)]
pub enum Code {
    /// As it is typed.
    Text(String),
    /// What a phone or token shows, `shift` seconds after the step's moment.
    Shown { device: String, shift: i64 },
    /// What was sent for the label.
    Sent(String),
}

/// What a `policy` line changes: `None` leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub invited: Option<bool>,
    pub trusted: Option<bool>,
}

/// A token of a trusted browser, as a line gives it.
#[derive(Clone, Debug)]
pub enum Held {
    /// The one that was handed out last.
    Newest(String),
    /// From 1, in the order in which they were handed out.
    Nth(String, usize),
    /// Read off before steps at the same time, and whose it is.
    Text(String, String),
}

impl Held {
    pub fn browser(&self) -> &str {
        let (Held::Newest(browser) | Held::Nth(browser, _) | Held::Text(browser, _)) = self;
        browser
    }
}

/// A recovery code, as a line gives it.
#[derive(Clone, Debug)]
pub enum Printed {
    /// From 1, within the set that was shown last.
    Nth(usize),
    /// As it is typed.
    Text(String),
}

/// What a person proves possession with, before a change.
#[derive(Clone, Debug)]
pub enum Proof {
    Code(Code),
    Recovery(Printed),
    /// The right answer to the text with this label.
    Text(String),
    Touch(String),
    /// What was carried under the label.
    Carried(String),
    /// For an enrolment.
    Pass(Pass),
}

/// A pass, as a line gives it.
#[derive(Clone, Debug)]
pub enum Pass {
    Issued(String),
    /// As it is typed.
    Text(String),
}

/// Another person, with a proof for acting for others.
#[derive(Clone, Debug)]
pub struct Operator {
    pub id: AccountId,
    pub proof: Proof,
}

/// Who allows a change.
#[derive(Clone, Debug)]
pub enum Allowed {
    Own(Proof),
    Operator(Operator),
}

/// What an attempt is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    SignIn,
    ChangeFactors,
    ChangePrivileges,
    ActForOther,
    Action(Action),
}

/// What an operator does for a person, which ends in a pass.
#[derive(Clone, Copy, Debug)]
pub enum Help {
    Invite,
    Reset,
    /// For so many seconds.
    Emergency(u64),
}

/// What a person does.
#[derive(Clone, Debug)]
pub enum Verb {
    Bind {
        device: String,
        code: Code,
        with: Option<Proof>,
    },
    Enrol {
        device: String,
        with: Option<Proof>,
    },
    /// One code, or two in a row.
    Confirm(Vec<Code>),
    Verify {
        code: Code,
        purpose: Purpose,
    },
    Resynchronise {
        device: String,
        codes: [Code; 2],
    },
    Recover {
        code: Printed,
        purpose: Purpose,
    },
    Regenerate {
        with: Proof,
        leaked: bool,
    },
    Revoke {
        device: String,
        allowed: Allowed,
    },
    Lost {
        device: String,
        allowed: Allowed,
    },
    Replace {
        device: String,
        by: String,
        code: Code,
        with: Proof,
    },
    Import {
        device: String,
        last: Option<u64>,
        clock: Option<i64>,
    },
    PhoneNumber {
        number: String,
        with: Option<Proof>,
    },
    EnrolNumber {
        number: String,
        label: String,
        with: Option<Proof>,
    },
    Text {
        label: String,
        purpose: Purpose,
    },
    Answer {
        label: String,
        code: Code,
        purpose: Purpose,
    },
    Passkey {
        name: String,
        with: Option<Proof>,
    },
    Touch {
        name: String,
        fails: bool,
        purpose: Purpose,
    },
    Ask {
        name: String,
        label: String,
        purpose: Purpose,
    },
    Settle {
        label: String,
        fails: bool,
    },
    Unlock(Allowed),
    /// `to` and `change` are of one for another person; which change it is, its first use says.
    Carry {
        with: Proof,
        purpose: Purpose,
        to: Option<AccountId>,
        change: Option<AnyChange>,
        label: String,
    },
    Remember {
        code: Code,
        browser: String,
    },
    Forget(String),
    Abandon(Operator),
    Trust {
        code: Code,
        browser: String,
    },
    Visit(Held),
    Acknowledge,
    Help {
        help: Help,
        operator: Operator,
        length: PassLength,
        label: String,
    },
    Enter(Pass),
    Withdraw(Allowed),
    Bar,
    Reseal,
    /// By the host, or by an operator, who may have proved to be one.
    Offboard(Option<(AccountId, Option<Proof>)>),
    Summary(String),
}

impl Verb {
    /// Shows `read` every code that is typed, in the order in which they are typed.
    pub fn each_code(&mut self, read: &mut dyn FnMut(&mut Code)) {
        if let Some((Proof::Code(code), _)) = self.proof() {
            read(code);
        }
        match self {
            Verb::Bind { code, .. }
            | Verb::Replace { code, .. }
            | Verb::Remember { code, .. }
            | Verb::Trust { code, .. }
            | Verb::Verify { code, .. }
            | Verb::Answer { code, .. } => read(code),
            Verb::Confirm(codes) => codes.iter_mut().for_each(read),
            Verb::Resynchronise { codes, .. } => codes.iter_mut().for_each(read),
            _ => {}
        }
    }

    /// Returns the recovery code that is typed, and the operator who types it, if it is one.
    pub fn printed(&mut self) -> Option<(&mut Printed, Option<AccountId>)> {
        match self {
            Verb::Recover { code, .. } => Some((code, None)),
            other => match other.proof() {
                Some((Proof::Recovery(code), operator)) => Some((code, operator)),
                _ => None,
            },
        }
    }

    /// The label of the carried proof that an operator brings, and what for.
    pub fn carried_for_other(&mut self) -> Option<(String, AnyChange)> {
        let change = match self {
            Verb::Lost { .. } => AnyChange::ReportLost,
            Verb::Offboard(_) => AnyChange::Offboard,
            Verb::Help { help: Help::Emergency(_), .. } => AnyChange::GrantEmergencyAccess,
            Verb::Help { help: Help::Invite, .. } => AnyChange::Invite,
            Verb::Help { help: Help::Reset, .. } => AnyChange::Reset,
            Verb::Abandon(_) => AnyChange::Abandon,
            Verb::Withdraw(_) => AnyChange::RevokePasses,
            Verb::Revoke { .. } => AnyChange::Revoke,
            Verb::Unlock(_) => AnyChange::Unlock,
            _ => return None,
        };
        match self.proof() {
            Some((Proof::Carried(label), Some(_))) => Some((label.clone(), change)),
            _ => None,
        }
    }

    /// What is proved before the change, and the operator who proves it, if it is one.
    fn proof(&mut self) -> Option<(&mut Proof, Option<AccountId>)> {
        match self {
            Verb::Bind { with, .. }
            | Verb::Enrol { with, .. }
            | Verb::PhoneNumber { with, .. }
            | Verb::EnrolNumber { with, .. }
            | Verb::Passkey { with, .. } => with.as_mut().map(|proof| (proof, None)),
            Verb::Regenerate { with, .. }
            | Verb::Replace { with, .. }
            | Verb::Carry { with, .. } => Some((with, None)),
            Verb::Revoke { allowed, .. }
            | Verb::Lost { allowed, .. }
            | Verb::Unlock(allowed)
            | Verb::Withdraw(allowed) => Some(match allowed {
                Allowed::Own(proof) => (proof, None),
                Allowed::Operator(Operator { id, proof }) => (proof, Some(*id)),
            }),
            Verb::Help { operator: Operator { id, proof }, .. }
            | Verb::Abandon(Operator { id, proof }) => Some((proof, Some(*id))),
            Verb::Offboard(Some((id, Some(proof)))) => Some((proof, Some(*id))),
            _ => None,
        }
    }
}
