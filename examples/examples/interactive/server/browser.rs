use std::process::{Command, Stdio};

/// Opens the address in the person's browser, where there is one; it is printed anyway.
pub(super) fn open(address: &str) {
    let Some((program, arguments)) = opener() else { return };
    let (input, output, error) = (Stdio::null(), Stdio::null(), Stdio::null());
    let command =
        Command::new(program).args(arguments).arg(address).stdin(input).stdout(output).stderr(error).spawn();
    if let Ok(mut child) = command {
        // Whoever starts a program has to ask for its end.
        std::thread::spawn(move || child.wait());
    }
}

/// The program that opens addresses.
fn opener() -> Option<(&'static str, &'static [&'static str])> {
    if cfg!(target_os = "macos") {
        return Some(("open", &[]));
    }
    if cfg!(windows) {
        return Some(("rundll32", &["url.dll,FileProtocolHandler"]));
    }
    let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    (has("DISPLAY") || has("WAYLAND_DISPLAY")).then_some(("xdg-open", &[]))
}
