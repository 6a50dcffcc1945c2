use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;

/// The first error of printing a line.
static UNPRINTED: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Prints a line to standard output, as `println!` does. When that fails, as on a full disk, the program goes on, and [`run`] says
/// so at its end.
#[macro_export]
macro_rules! say {
    () => { $crate::print_line(::std::format_args!("")) };
    ($($part:tt)*) => { $crate::print_line(::std::format_args!($($part)*)) };
}

/// Locks what no panic leaves half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints a line to standard output; the function behind [`say!`].
pub fn print_line(line: std::fmt::Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
        lock(&UNPRINTED).get_or_insert(error);
    }
}

/// Runs a program: its error goes to standard error on one line, and a reader that has seen enough (`| head`) ends it
/// quietly.
pub fn run(program: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    sigpipe::reset();
    let flushed = |()| {
        let unprinted = lock(&UNPRINTED).take();
        unprinted.map_or_else(|| std::io::stdout().flush(), Err).context("standard output")
    };
    match program().and_then(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is full too, only the exit status tells.
            let _ = writeln!(std::io::stderr(), "error: {}", message(&error));
            ExitCode::FAILURE
        }
    }
}

/// A flag that SIGINT and SIGTERM set; a second signal ends the program at once.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop)).context("signals")?;
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("signals")?;
    }
    Ok(stop)
}

/// The text of an error and its causes, without those that it already quotes.
pub fn message(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    #[test]
    fn causes_are_told_once() {
        let error =
            Err::<(), _>(anyhow!("no such file")).context("cannot read a: no such file").context("--weights");
        let message = super::message(&error.expect_err("an error"));
        assert_eq!(message, "--weights: cannot read a: no such file");
    }
}
