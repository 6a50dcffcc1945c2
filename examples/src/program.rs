use std::process::ExitCode;

/// Runs a program: its error goes to standard error on one line, and a reader that has seen enough (`| head`) ends it
/// quietly.
pub fn run(program: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    sigpipe::reset();
    match program() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", message(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, without those that it quotes itself.
fn message(error: &anyhow::Error) -> String {
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
