//! HOTP and TOTP on a command line, for the harness of any implementation.
//!
//! Everything is read and decided before anything is printed, so bad input never leaves half an
//! answer on standard output. Secrets on a command line can be seen by every process of the
//! machine: this is a tool for test vectors, not for the secrets of people.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, ErrorKind, Write};
use std::process::ExitCode;

use countersign::otp::LookAhead;
use countersign::otp::{Base32Error, SecretError, decode_base32, decode_base32_lenient};
use countersign::otp::{Parameters, Period, Tolerated};
use countersign::{
    Algorithm, Code, Digits, Hotp, ProvisioningUri, Secret, Totp, UnixTime, Window, vectors,
};

const USAGE: &str = "\
usage: otp COMMAND [OPTIONS]

  hotp --secret B32 --counter N [--digits 6..8] [--algorithm sha1|sha256|sha512]
  totp --secret B32 --time UNIX [--digits] [--algorithm] [--period 1..120] [--t0 UNIX]
      Print the code.

  verify hotp --secret B32 --counter N --code C [--look-ahead 1..50] [--digits] [--algorithm]
      Try as many counters as --look-ahead says, 3 by default, the expected one included. Print
      `accepted counter=N next=M` (`next=none` after 2^64-1) or `rejected`.
  verify totp --secret B32 --time UNIX --code C [--backward 0..10] [--forward 0..10]
              [--after STEP] [--digits] [--algorithm] [--period] [--t0]
      Try the steps around the present one, by default 1 back and 1 forward, and of those only the
      ones above --after. Print `accepted step=N drift=+D` (or -D) or `rejected`. Before T0
      everything is rejected.

  uri hotp --issuer I --account A --secret B32 [--counter 0] [--digits] [--algorithm]
  uri totp --issuer I --account A --secret B32 [--digits] [--algorithm] [--period]
      Print the otpauth URI.
  parse [--import] URI
      Print what it says, one name=value a line; an absent issuer or prefix is empty. With --import,
      take a URI as other systems print it, and then print one `tolerated=NAME` line for each kind of
      departure; an absent account is empty too.

  batch
      Read lines `hotp|totp ALGORITHM DIGITS SECRET COUNTER_OR_TIME` (totp: period 30, T0 0) from
      standard input and print one code a line. A bad line is named by its number, and then
      nothing is printed at all.
  vectors
      Run the tables of RFC 4226 and RFC 6238 and print what passed and what failed.

Secrets are base32 in upper case, without padding or with the right one. --allow-short-secret takes
one of fewer than 16 bytes, which RFC 4226 forbids.

Exit status: 0 done or accepted; 1 rejected, or a vector failed; 2 bad input, which a code of the
wrong length or with something else than digits is too, with one line on standard error.
";

/// What a command prints and the exit status, or why the input is bad.
type Answer = Result<(String, u8), String>;

fn main() -> ExitCode {
    let (printed, status) = match Arguments::read().and_then(answer) {
        Ok(answer) => answer,
        Err(complaint) => {
            eprintln!("otp: {complaint}");
            return ExitCode::from(2);
        }
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(printed.as_bytes()).and_then(|()| stdout.flush()) {
        // A reader that has seen enough is no failure: the status still is the answer.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("otp: standard output: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::from(status),
    }
}

fn answer(mut arguments: Arguments) -> Answer {
    if arguments.help {
        return Ok((USAGE.to_owned(), 0));
    }
    let words = std::mem::take(&mut arguments.words);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["hotp"] => generate_hotp(arguments),
        ["totp"] => generate_totp(arguments),
        ["verify", "hotp"] => verify_hotp(arguments),
        ["verify", "totp"] => verify_totp(arguments),
        ["uri", "hotp"] => print_hotp_uri(arguments),
        ["uri", "totp"] => print_totp_uri(arguments),
        ["parse", uri] => parse_uri(arguments, uri),
        ["batch"] => batch(arguments, io::stdin().lock()),
        ["vectors"] => run_vectors(arguments),
        [] => Err("no command; --help lists them".to_owned()),
        _ => Err("no such command; --help lists them".to_owned()),
    }
}

fn generate_hotp(mut arguments: Arguments) -> Answer {
    let hotp = arguments.hotp()?;
    let counter = arguments.required_number("counter")?;
    arguments.nothing_else()?;
    Ok((format!("{}\n", hotp.generate(counter).expose_str()), 0))
}

fn generate_totp(mut arguments: Arguments) -> Answer {
    let parameters = arguments.parameters()?;
    let totp = Totp::new(&arguments.secret()?, parameters);
    let time = arguments.required_number("time")?;
    arguments.nothing_else()?;
    let code = totp.generate(UnixTime::from_secs(time)).ok_or("--time is before --t0")?;
    Ok((format!("{}\n", code.expose_str()), 0))
}

fn verify_hotp(mut arguments: Arguments) -> Answer {
    let hotp = arguments.hotp()?;
    let code = arguments.code(hotp.digits())?;
    let counter = arguments.required_number("counter")?;
    let look_ahead = arguments.small("look-ahead", "1 to 50", LookAhead::new)?;
    let look_ahead = look_ahead.or(LookAhead::new(3)).unwrap_or(LookAhead::of::<5>());
    arguments.nothing_else()?;
    Ok(match hotp.find(&code, counter, look_ahead) {
        Some(found) => {
            let next = found.next().map_or("none".to_owned(), |next| next.to_string());
            (format!("accepted counter={} next={next}\n", found.counter()), 0)
        }
        None => ("rejected\n".to_owned(), 1),
    })
}

fn verify_totp(mut arguments: Arguments) -> Answer {
    let parameters = arguments.parameters()?;
    let totp = Totp::new(&arguments.secret()?, parameters);
    let code = arguments.code(parameters.digits)?;
    let now = UnixTime::from_secs(arguments.required_number("time")?);
    let backward = arguments.small("backward", "0 to 10", |steps| Window::new(steps, 0))?;
    let forward = arguments.small("forward", "0 to 10", |steps| Window::new(0, steps))?;
    let backward = backward.unwrap_or(Window::ONE_EACH_WAY).backward;
    let forward = forward.unwrap_or(Window::ONE_EACH_WAY).forward;
    let window = Window { backward, forward };
    let after = arguments.number("after")?;
    arguments.nothing_else()?;
    Ok(match totp.find(&code, now, window, after) {
        Some(found) => (format!("accepted step={} drift={:+}\n", found.step(), found.drift()), 0),
        None => ("rejected\n".to_owned(), 1),
    })
}

fn print_hotp_uri(mut arguments: Arguments) -> Answer {
    let (issuer, account) = (arguments.required("issuer")?, arguments.required("account")?);
    let (algorithm, digits) = (arguments.algorithm()?, arguments.digits()?);
    let (secret, counter) = (arguments.secret()?, arguments.number("counter")?.unwrap_or(0));
    arguments.nothing_else()?;
    let uri = ProvisioningUri::hotp(&issuer, &account, &secret, algorithm, digits, counter);
    let uri = uri.map_err(|error| error.to_string())?;
    Ok((format!("{}\n", *uri.expose_uri()), 0))
}

fn print_totp_uri(mut arguments: Arguments) -> Answer {
    let (issuer, account) = (arguments.required("issuer")?, arguments.required("account")?);
    let (parameters, secret) = (arguments.parameters()?, arguments.secret()?);
    arguments.nothing_else()?;
    let uri = ProvisioningUri::totp(&issuer, &account, &secret, parameters);
    let uri = uri.map_err(|error| error.to_string())?;
    Ok((format!("{}\n", *uri.expose_uri()), 0))
}

fn parse_uri(mut arguments: Arguments, uri: &str) -> Answer {
    let read = match (std::mem::take(&mut arguments.import), arguments.allow_short_secret) {
        (false, false) => ProvisioningUri::parse(uri).map(|uri| (uri, Tolerated::default())),
        (false, true) => ProvisioningUri::dangerously_parse_allowing_short_secret(uri)
            .map(|uri| (uri, Tolerated::default())),
        (true, false) => ProvisioningUri::import(uri),
        (true, true) => ProvisioningUri::dangerously_import_allowing_short_secret(uri),
    };
    arguments.nothing_else()?;
    let (parsed, tolerated) = read.map_err(|error| error.to_string())?;
    let (kind, last) = match (parsed.totp_parameters(), parsed.counter()) {
        (_, Some(counter)) => ("hotp", format!("counter={counter}")),
        (Some(parameters), None) => ("totp", format!("period={}", parameters.period.as_u64())),
        (None, None) => return Err("the URI has neither a period nor a counter".to_owned()),
    };
    let mut printed = format!(
        "type={kind}\nissuer={}\nprefix={}\naccount={}\nsecret={}\nalgorithm={}\ndigits={}\n{last}\n",
        parsed.issuer().unwrap_or_default(),
        parsed.prefix().unwrap_or_default(),
        parsed.account(),
        parsed.secret().expose_base32().expose_str(),
        parsed.algorithm().name(),
        parsed.digits().count(),
    );
    for tolerance in tolerated.iter() {
        printed += &format!("tolerated={}\n", tolerance.name());
    }
    Ok((printed, 0))
}

/// A device whose HMAC is keyed: lines with the same secret need it once.
enum Device {
    Hotp(Hotp),
    Totp(Totp),
}

impl Device {
    /// From `hotp|totp ALGORITHM DIGITS SECRET`.
    fn read(settings: &str, allow_short_secret: bool) -> Result<Device, String> {
        let fields: Vec<&str> = settings.split_ascii_whitespace().collect();
        let &[kind, algorithm, digits, secret] = fields.as_slice() else {
            return Err("not five fields".to_owned());
        };
        let algorithm = Algorithm::from_name(algorithm).ok_or(NO_ALGORITHM)?;
        let digits = plain_number(digits).and_then(|count| u8::try_from(count).ok());
        let digits = digits.and_then(Digits::new).ok_or("digits is not 6 to 8")?;
        let secret = read_secret(secret, allow_short_secret)?;
        match kind {
            "hotp" => Ok(Device::Hotp(Hotp::new(&secret, algorithm, digits))),
            "totp" => {
                let parameters = Parameters { algorithm, digits, ..Parameters::default() };
                Ok(Device::Totp(Totp::new(&secret, parameters)))
            }
            _ => Err("the first field is neither hotp nor totp".to_owned()),
        }
    }

    fn generate(&self, number: u64) -> Option<Code> {
        match self {
            Device::Hotp(hotp) => Some(hotp.generate(number)),
            Device::Totp(totp) => totp.generate(UnixTime::from_secs(number)),
        }
    }
}

fn batch(arguments: Arguments, input: impl BufRead) -> Answer {
    let allow_short_secret = arguments.allow_short_secret;
    arguments.nothing_else()?;
    let mut devices: HashMap<String, Device> = HashMap::new();
    let mut printed = String::new();
    for (number, line) in (1_u64..).zip(input.lines()) {
        let wrong = |what: &str| format!("line {number}: {what}");
        let line = line.map_err(|error| wrong(&error.to_string()))?;
        let (settings, factor) =
            line.trim_ascii().rsplit_once([' ', '\t']).ok_or_else(|| wrong("not five fields"))?;
        if !devices.contains_key(settings) {
            let device =
                Device::read(settings, allow_short_secret).map_err(|error| wrong(&error))?;
            if devices.len() >= 1_000 {
                devices.clear(); // a million secrets must not fill the memory
            }
            devices.insert(settings.to_owned(), device);
        }
        let factor = plain_number(factor)
            .ok_or_else(|| wrong("the counter or time is not a number from 0 to 2^64-1"))?;
        let code = devices.get(settings).and_then(|device| device.generate(factor));
        printed.push_str(code.ok_or_else(|| wrong("no code"))?.expose_str());
        printed.push('\n');
    }
    Ok((printed, 0))
}

fn run_vectors(arguments: Arguments) -> Answer {
    arguments.nothing_else()?;
    let mut printed =
        String::from("table       algorithm  input        expected  computed  result\n");
    let (mut run, mut failed) = (0_u32, 0_u32);
    let mut row = |table: &str, algorithm: Algorithm, input: u64, expected: &str, code: &Code| {
        let result = if code.expose_str() == expected { "pass" } else { "fail" };
        run = run.saturating_add(1);
        failed = failed.saturating_add(u32::from(result == "fail"));
        let (algorithm, computed) = (algorithm.name(), code.expose_str());
        printed +=
            &format!("{table}  {algorithm:9}  {input:<11}  {expected:8}  {computed:8}  {result}\n");
    };
    let seed =
        |algorithm| Secret::from_bytes(vectors::seed(algorithm)).map_err(|error| error.to_string());
    let hotp = Hotp::new(&seed(Algorithm::Sha1)?, Algorithm::Sha1, Digits::Six);
    for vector in &vectors::HOTP {
        let code = hotp.generate(vector.counter);
        row("RFC 4226 D", Algorithm::Sha1, vector.counter, vector.code, &code);
    }
    for vector in &vectors::TOTP {
        let (algorithm, digits) = (vector.algorithm, Digits::Eight);
        let parameters = Parameters { algorithm, digits, ..Parameters::default() };
        let totp = Totp::new(&seed(algorithm)?, parameters);
        let code = totp.generate(vector.time).ok_or("a time before T0")?;
        row("RFC 6238 B", algorithm, vector.time.as_secs(), vector.code, &code);
    }
    printed += &format!("{run} vectors, {failed} failed\n");
    Ok((printed, u8::from(failed > 0)))
}

const NO_ALGORITHM: &str = "the algorithm is none of sha1, sha256 and sha512";

/// Every option that takes a value.
const OPTIONS: [&str; 14] = [
    "account",
    "after",
    "algorithm",
    "backward",
    "code",
    "counter",
    "digits",
    "forward",
    "issuer",
    "look-ahead",
    "period",
    "secret",
    "t0",
    "time",
];

/// The command line. A command takes the options that it knows, and what is left is an error.
#[derive(Default)]
struct Arguments {
    words: Vec<String>,
    values: BTreeMap<&'static str, String>,
    allow_short_secret: bool,
    import: bool,
    help: bool,
}

impl Arguments {
    fn read() -> Result<Arguments, String> {
        use lexopt::{Arg, ValueExt};

        let mut arguments = Arguments::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next().map_err(|error| one_line(&error))? {
            let option = match argument {
                Arg::Long("help") | Arg::Short('h') => {
                    arguments.help = true;
                    continue;
                }
                Arg::Long(name @ ("allow-short-secret" | "import")) => {
                    let flag = match name {
                        "import" => &mut arguments.import,
                        _ => &mut arguments.allow_short_secret,
                    };
                    if std::mem::replace(flag, true) {
                        return Err(format!("--{name} is given twice"));
                    }
                    continue;
                }
                Arg::Long(name) => OPTIONS.into_iter().find(|option| *option == name),
                Arg::Value(word) => {
                    let word = word.string().map_err(|_| "an argument is not UTF-8")?;
                    arguments.words.push(word);
                    continue;
                }
                Arg::Short(_) => None,
            };
            let Some(option) = option else {
                return Err(one_line(&argument.unexpected()));
            };
            let value = parser.value().map_err(|_| format!("--{option} has no value"))?;
            let value = value.string().map_err(|_| format!("--{option} is not UTF-8"))?;
            if arguments.values.insert(option, value).is_some() {
                return Err(format!("--{option} is given twice"));
            }
        }
        Ok(arguments)
    }

    fn required(&mut self, option: &str) -> Result<String, String> {
        self.values.remove(option).ok_or_else(|| format!("--{option} is missing"))
    }

    fn number(&mut self, option: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.values.remove(option) else { return Ok(None) };
        let number = plain_number(&text);
        number.map(Some).ok_or_else(|| format!("--{option} is not a number from 0 to 2^64-1"))
    }

    fn required_number(&mut self, option: &str) -> Result<u64, String> {
        self.number(option)?.ok_or_else(|| format!("--{option} is missing"))
    }

    /// A small number that a type of the library takes or refuses.
    fn small<T>(
        &mut self,
        option: &str,
        range: &str,
        new: impl Fn(u64) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.values.remove(option) else { return Ok(None) };
        plain_number(&text)
            .and_then(new)
            .map(Some)
            .ok_or_else(|| format!("--{option} is not {range}"))
    }

    fn digits(&mut self) -> Result<Digits, String> {
        Ok(self
            .small("digits", "6 to 8", |count| Digits::new(u8::try_from(count).ok()?))?
            .unwrap_or_default())
    }

    fn algorithm(&mut self) -> Result<Algorithm, String> {
        let Some(name) = self.values.remove("algorithm") else { return Ok(Algorithm::Sha1) };
        Algorithm::from_name(&name).ok_or_else(|| NO_ALGORITHM.to_owned())
    }

    fn parameters(&mut self) -> Result<Parameters, String> {
        let (algorithm, digits) = (self.algorithm()?, self.digits()?);
        let period = self.small("period", "1 to 120", Period::new)?;
        let t0 = UnixTime::from_secs(self.number("t0")?.unwrap_or(0));
        Ok(Parameters { algorithm, digits, period: period.unwrap_or(Period::of::<30>()), t0 })
    }

    fn secret(&mut self) -> Result<Secret, String> {
        let text = self.required("secret")?;
        read_secret(&text, self.allow_short_secret)
    }

    fn code(&mut self, digits: Digits) -> Result<Code, String> {
        Code::parse(&self.required("code")?, digits).map_err(|error| format!("--code: {error}"))
    }

    fn hotp(&mut self) -> Result<Hotp, String> {
        let (algorithm, digits) = (self.algorithm()?, self.digits()?);
        Ok(Hotp::new(&self.secret()?, algorithm, digits))
    }

    fn nothing_else(self) -> Result<(), String> {
        let import = self.import.then_some("import");
        match self.values.keys().copied().next().or(import) {
            Some(option) => Err(format!("--{option} is no option of this command")),
            None => Ok(()),
        }
    }
}

/// What the argument parser says, on one line whatever stood in the argument.
fn one_line(error: &lexopt::Error) -> String {
    error.to_string().chars().flat_map(char::escape_debug).collect()
}

/// Decimal digits and nothing else: the parser of the standard library takes a plus too.
fn plain_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Strict base32, or with correct padding, as the RFCs print it. The lenient door would take more
/// than padding, so what else it takes is refused first.
fn read_secret(text: &str, allow_short: bool) -> Result<Secret, String> {
    let mut buffer = [0; Secret::MAX_LEN];
    let decoded = if !text.ends_with('=') {
        decode_base32(text, &mut buffer)
    } else if text.contains(|character: char| " -".contains(character) || character.is_lowercase())
    {
        Err(SecretError::Base32(Base32Error::Character))
    } else {
        decode_base32_lenient(text, &mut buffer)
    };
    let take = if allow_short { Secret::dangerously_allow_short } else { Secret::from_bytes };
    decoded.and_then(take).map_err(|error| error.to_string())
}
