//! The QR code in a terminal.

use std::io::{IsTerminal, stdout};

use countersign::ProvisioningUri;
use zeroize::Zeroizing;

/// The code in blocks. In a terminal it brings its own colours: on a ground of light colour the
/// blocks would be the wrong way round, and not every camera app reads that.
pub fn for_terminal(uri: &ProvisioningUri) -> Zeroizing<String> {
    let text = uri.expose_qr_text();
    if !stdout().is_terminal() {
        return text;
    }
    let lines = text.lines().map(|line| format!("\x1b[97;40m{line}\x1b[0m"));
    Zeroizing::new(lines.collect::<Vec<_>>().join("\n"))
}
