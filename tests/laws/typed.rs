//! The laws of the short texts that people type: each door takes what a naive model takes, gives back
//! what was typed or its one canonical spelling, and is bounded.

use crate::keys::keyring;
use std::collections::HashMap;
use std::sync::OnceLock;

use countersign::account::{Bounded, Label, Operator, PassLength, PhoneNumber, RecoveryCode};
use countersign::mfa::{Decided, Entered, ExternalMethod};
use countersign::{
    AccountId, ActForOther, Keyring, MemoryStore, Mfa, Policy, Recommended, Record, SignIn, Store,
    Totp, UnixTime, Verdict,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// What holds for any text. Says which doors took it: those for a recovery code, a telephone number,
/// a label, an account, a pass.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 5] {
    let text = &*String::from_utf8_lossy(data);
    trusted_browser(data, text);
    no_altered_pass_is_accepted(data);
    [recovery_code(text), telephone_number(text), label(text), account(data), pass(text)]
}

/// What a character is in a typed text, by the tables.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Role {
    Between,
    Around,
    Counts(char),
}

fn role(character: char) -> Role {
    static TABLES: OnceLock<HashMap<char, Role>> = OnceLock::new();
    let read = || {
        let mut roles = HashMap::new();
        for table in [
            include_str!("../data/invisible.txt"),
            include_str!("../data/decimal-digits.txt"),
            include_str!("../data/separators.txt"),
        ] {
            for row in table.lines().filter(|row| !row.starts_with('#')) {
                let columns: Vec<&str> = row.split('|').map(str::trim).collect();
                let [first, last] = [0, 1].map(|at| u32::from_str_radix(columns[at], 16).unwrap());
                for code in first..=last {
                    let from = |ascii: char| char::from_u32(u32::from(ascii) + code - first);
                    let character = char::from_u32(code).unwrap();
                    let role = match columns[2] {
                        "between" => Role::Between,
                        "around" => Role::Around,
                        ascii if ascii.len() == 1 => {
                            Role::Counts(from(ascii.parse().unwrap()).unwrap())
                        }
                        _ if character.is_control() => continue, // invisible, and refused
                        _ => Role::Between,
                    };
                    roles.insert(character, role);
                }
            }
        }
        roles
    };
    *TABLES.get_or_init(read).get(&character).unwrap_or(&Role::Counts(character))
}

/// The characters that count of what a person typed.
fn typed(text: &str) -> Vec<char> {
    fn separates(it: &char) -> bool {
        !matches!(role(*it), Role::Counts(_))
    }
    let mut typed: Vec<char> = text.chars().skip_while(separates).collect();
    let end = |typed: &mut Vec<char>| {
        while typed.last().is_some_and(separates) {
            typed.pop();
        }
    };
    end(&mut typed);
    if typed.last().is_some_and(|last| ".\u{3002}\u{FF0E}\u{FF61}".contains(*last)) {
        typed.pop();
        end(&mut typed);
    }
    let digit = |it: &char| matches!(role(*it), Role::Counts('0'..='9'));
    let (open, closed) = ("(\u{FF08}", ")\u{FF09}");
    let numbered = match typed.as_slice() {
        [before, one, after, blank, ..] if open.contains(*before) => {
            (digit(one) && closed.contains(*after) && blank.is_whitespace()).then_some(3)
        }
        _ => None,
    };
    let numbered = numbered.or(match typed.as_slice() {
        [before, one, two, after, blank, ..] if open.contains(*before) => {
            (digit(one) && digit(two) && closed.contains(*after) && blank.is_whitespace())
                .then_some(4)
        }
        _ => None,
    });
    let ends = |it: &char| ".:)\u{FF09}\u{FF0E}\u{FF1A}".contains(*it);
    let numbered = numbered.or(match typed.as_slice() {
        [one, after, blank, ..] if digit(one) && ends(after) && blank.is_whitespace() => Some(2),
        [one, two, after, blank, ..]
            if digit(one) && digit(two) && ends(after) && blank.is_whitespace() =>
        {
            Some(3)
        }
        _ => None,
    });
    let rest = typed.split_off(numbered.unwrap_or(0));
    let rest = rest.into_iter().skip_while(|it| numbered.is_some() && separates(it));
    rest.filter_map(|it| match role(it) {
        Role::Between => None,
        Role::Around => Some(it),
        Role::Counts(ascii) => Some(ascii),
    })
    .collect()
}

const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Crockford's base32, in one spelling: what is not there is what is misread.
fn canonical(text: &str) -> String {
    let typed: Vec<char> = if text.len() <= 256 { typed(text) } else { Vec::new() };
    let read = |character: &char| match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    typed.iter().map(read).collect()
}

/// A person with a long pass for an emergency, and one with a short pass to enrol with.
struct Passes {
    mfa: Mfa<Keyring, Recommended>,
    people: [(AccountId, Record, String); 2],
}

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn passes() -> Passes {
    let (mfa, store) = (Mfa::new(keyring(7), Recommended), MemoryStore::new());
    let mut rng = StdRng::seed_from_u64(28);
    let [boss, dana, lee] = ["boss", "dana", "lee"].map(|name| AccountId::new(name).unwrap());
    let [boss_app, _] = [&boss, &dana].map(|id| {
        let account = mfa.account(id).at(NOW);
        let pending = account.enrol("App", &mut rng).run(&store).unwrap();
        let uri = pending.uri("Acme", "person").unwrap();
        let app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let typed = app.generate(NOW).unwrap();
        assert!(
            account
                .confirm(pending.id(), typed.expose_str(), &mut rng)
                .run(&store)
                .accepted()
                .is_some()
        );
        app
    });
    let operator = |secs: u64| {
        let at = NOW.plus(secs);
        let typed = boss_app.generate(at).unwrap();
        let verify = mfa.account(&boss).at(at).verify(typed.expose_str(), ActForOther);
        Operator::checked_by_host(verify.run(&store).accepted().unwrap(), "help desk")
    };
    let (first, second, now) = (operator(30), operator(60), NOW.plus(60));
    let account = |id| mfa.account(id).at(now);
    let (kinds, rng) = ((PassLength::Long, PassLength::Short), &mut rng);
    let long =
        account(&dana).grant_emergency_access(first, kinds.0, 600, "on call", rng).run(&store);
    let short = account(&lee).invite(second, kinds.1, "starts today", rng).run(&store);
    let [long, short] = [long, short].map(|pass| pass.unwrap().expose_text().replace('-', ""));
    let people = [(dana, long), (lee, short)].map(|(id, pass)| {
        let record = Store::load(&store, &id).unwrap().unwrap();
        (id, record, pass)
    });
    Passes { mfa, people }
}

/// Whether the pass of a person is accepted, from the record as it was issued: nothing is stored.
fn enters(at: usize, text: &str) -> Option<bool> {
    let Passes { mfa, people } = held();
    let (id, record, _) = &people[at];
    let attempt = mfa.account(id).at(NOW.plus(90)).enter_pass(text);
    let verdict = match attempt.operation().decide(Some(record.clone()), None).unwrap() {
        Decided::Answer { answer, .. } => answer,
        Decided::Write(prepared) => prepared.release(countersign::Swap::Stored).unwrap(),
    };
    match verdict {
        Verdict::Accepted(entered) => {
            assert_eq!(at == 0, matches!(entered, Entered::SignIn(_)), "of its kind");
            Some(true)
        }
        Verdict::Rejected { tries_left: 255 } => Some(false),
        Verdict::Malformed => None,
        other => panic!("{other:?}"),
    }
}

fn held() -> &'static Passes {
    static HELD: OnceLock<Passes> = OnceLock::new();
    HELD.get_or_init(passes)
}

/// A text is a pass by its characters alone, whatever is around them, and no other text is one.
fn pass(text: &str) -> bool {
    let canonical = canonical(text);
    let count = canonical.chars().count();
    let fits = (count == 28 || count == 8) && canonical.chars().all(|it| ALPHABET.contains(it));
    for (at, (.., pass)) in held().people.iter().enumerate() {
        let expected = fits.then_some(canonical == *pass);
        assert_eq!(enters(at, text), expected, "{text:?}");
    }
    fits
}

/// One character is another one, and so one to five bits are: it is not accepted. The pass itself is.
fn no_altered_pass_is_accepted(data: &[u8]) {
    let [place, by, ..] = data else { return };
    for (at, (.., pass)) in held().people.iter().enumerate() {
        let place = usize::from(*place) % pass.len();
        let old = ALPHABET.find(&pass[place..=place]).unwrap();
        let new = (old + 1 + usize::from(*by) % 31) % 32;
        let mut altered = pass.clone();
        altered.replace_range(place..=place, &ALPHABET[new..=new]);
        assert_eq!(enters(at, &altered), Some(false), "{altered}");
        if pass.len() == 8 {
            let longer = format!("{pass}{}", "0".repeat(20));
            assert_eq!(enters(at, &longer), Some(false), "{longer}");
        }
        assert_eq!(enters(at, pass), Some(true), "the owner gets in");
    }
}

fn recovery_code(text: &str) -> bool {
    let canonical = canonical(text);
    let fits = canonical.chars().count() == 28 && canonical.chars().all(|it| ALPHABET.contains(it));
    let code = RecoveryCode::parse(text);
    assert_eq!(code.is_ok(), fits, "{text:?}");
    if let Ok(code) = &code {
        let printed = code.expose_text();
        let groups: Vec<_> = printed.split('-').collect();
        assert!(groups.len() == 7 && groups.iter().all(|group| group.len() == 4), "{text:?}");
        // Every spelling is one code, and its print is read as that code.
        assert_eq!(groups.concat(), canonical, "{text:?}");
        assert_eq!(RecoveryCode::parse(&printed).unwrap().expose_text(), printed);
    }
    code.is_ok()
}

fn telephone_number(text: &str) -> bool {
    let fits = match text.chars().collect::<Vec<_>>().as_slice() {
        ['+', '1'..='9', rest @ ..] => {
            (7..=14).contains(&rest.len()) && rest.iter().all(|digit| "0123456789".contains(*digit))
        }
        _ => false,
    };
    let number = PhoneNumber::new(text);
    assert_eq!(number.is_ok(), fits, "{text:?}");
    if let Ok(number) = &number {
        assert_eq!(number.as_str(), text);
        assert_eq!(format!("{number:?}"), format!("PhoneNumber(…{})", &text[text.len() - 2..]));
    }
    number.is_ok()
}

/// The law of `Text`, of which a label, a reason, a source and an action's name are lengths.
fn label(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let takes_more = |at: usize| {
        let character = characters[at];
        !character.is_ascii() && !character.is_whitespace() && !is_invisible(character)
    };
    let selects = |at: usize| {
        "\u{FE0E}\u{FE0F}".contains(characters[at]) && at.checked_sub(1).is_some_and(takes_more)
    };
    let joins = |at: usize| {
        let before = at.checked_sub(1);
        "\u{200C}\u{200D}".contains(characters[at])
            && before.is_some_and(|before| takes_more(before) || selects(before))
    };
    let fits = text.len() <= 64 && characters.iter().any(|it| !it.is_whitespace());
    let shows =
        (0..characters.len()).all(|at| !is_invisible(characters[at]) || selects(at) || joins(at));
    let label = Label::new(text);
    assert_eq!(label.is_ok(), fits && shows, "{text:?}");
    if let Ok(label) = &label {
        assert_eq!((label.as_str(), &*label.to_string()), (text, text));
    }
    label.is_ok()
}

/// By the table, whose rows are the first and the last of some characters, and what they are.
fn is_invisible(character: char) -> bool {
    let table = include_str!("../data/invisible.txt");
    table.lines().filter(|row| !row.starts_with('#')).any(|row| {
        let [first, last] = [0, 1].map(|column| {
            let number = row.split('|').nth(column).unwrap().trim();
            u32::from_str_radix(number, 16).unwrap()
        });
        (first..=last).contains(&u32::from(character))
    })
}

struct Trusting;

impl Policy for Trusting {
    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Some(Bounded::of::<2_592_000>())
    }
}

/// A person with a trusted browser: the library, the record, the token.
struct Trust(Mfa<Keyring, Trusting>, AccountId, Record, String);

impl Trust {
    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn begin() -> Trust {
        let mfa = Mfa::with_policy(keyring(7), Trusting).unwrap();
        let (store, id) = (MemoryStore::new(), AccountId::new("dana").unwrap());
        let (dana, mut rng) = (mfa.account(&id).at(Trust::NOW), StdRng::seed_from_u64(1));
        let passkey = ExternalMethod::Passkey;
        let device = dana.bind_external("Key", passkey, &mut rng).run(&store).unwrap().device();
        let challenge = dana.start_external(SignIn, &mut rng).unwrap();
        let word = countersign::account::Assertion::verified_by_host(challenge.token(), device);
        let proof = dana.finish_external(word, SignIn).run(&store).accepted().unwrap();
        let browser = dana.trust_browser(&proof, &mut rng).run(&store).unwrap();
        let token = browser.expose_token().to_owned();
        let record = Store::load(&store, &id).unwrap().unwrap();
        Trust(mfa, id, record, token)
    }

    fn accepts(&self, token: &str) -> bool {
        let Trust(mfa, id, record, _) = self;
        let visit = mfa.account(id).at(Trust::NOW.plus(1)).visit(token);
        match visit.operation().decide(Some(record.clone()), None).unwrap() {
            Decided::Answer { answer: Verdict::Rejected { tries_left: u8::MAX }, .. } => false,
            Decided::Answer { answer, .. } => panic!("{answer:?}"),
            Decided::Write(_) => true,
        }
    }
}

/// The token of a trusted browser opens as it is and in no other way: no altered bit, no text.
fn trusted_browser(data: &[u8], text: &str) {
    static TRUST: OnceLock<Trust> = OnceLock::new();
    let trust = TRUST.get_or_init(Trust::begin);
    let token = trust.3.as_str();
    assert_eq!(trust.accepts(text), text.eq_ignore_ascii_case(token), "{text:?}");
    let flips = data.iter().copied().chain(std::iter::repeat(0));
    let digits = token.chars().zip(flips).map(|(digit, flip)| {
        let digit = digit.to_digit(16).unwrap() ^ u32::from(flip & 15);
        char::from_digit(digit, 16).unwrap()
    });
    let altered: String = digits.collect();
    assert_eq!(trust.accepts(&altered), altered == token, "{altered}");
}

fn account(bytes: &[u8]) -> bool {
    let id = AccountId::new(bytes);
    assert_eq!(id.is_ok(), !bytes.is_empty() && bytes.len() <= AccountId::MAX_LEN);
    if let Ok(id) = &id {
        assert_eq!(id.as_bytes(), bytes);
    }
    id.is_ok()
}
