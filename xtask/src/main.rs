//! The menu of what CI runs: `cargo xtask` lists the scripts of `.ci`, and `cargo xtask lint` runs one.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, error, fs};

fn main() -> Result<ExitCode, Box<dyn error::Error>> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".ci");
    let mut arguments = env::args_os().skip(1);
    let Some(wanted) = arguments.next() else {
        print!("{}", menu(&scripts)?);
        return Ok(ExitCode::SUCCESS);
    };
    let script = scripts.join(&wanted);
    if Path::new(&wanted).components().count() != 1 || !script.is_file() {
        eprint!("no script {}; there are:\n{}", wanted.display(), menu(&scripts)?);
        return Ok(ExitCode::from(2));
    }
    let status = Command::new("bash").arg(script).args(arguments).status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}

/// Lists each script with the first sentence of its head.
fn menu(scripts: &Path) -> Result<String, Box<dyn error::Error>> {
    let mut lines = Vec::new();
    for script in fs::read_dir(scripts)? {
        let script = script?;
        let text = fs::read_to_string(script.path())?;
        let head = text.lines().skip(1).take_while(|line| line.starts_with('#'));
        let head: Vec<_> = head.map(|line| line.trim_start_matches('#').trim()).collect();
        let head = head.join(" ");
        let end = head.find(": `").or_else(|| head.find(". ")).unwrap_or(head.len());
        let name = script.file_name();
        lines.push(format!("  {:<10} {}\n", name.display(), head.get(..end).unwrap_or(&head)));
    }
    lines.sort();
    Ok(lines.concat())
}
