//! The program under test: started on a folder of phantoms, killed as by a power cut, started again.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use ikem_data::{Phantom, PhantomConfig, write_gray_png};

use crate::built::interactive;
use crate::output::line_with;

/// The running program; killed when dropped.
pub(crate) struct Program {
    child: Child,
    /// Where it serves the page.
    pub address: String,
}

impl Program {
    /// Starts it on `folder`, at `port` or any free one, and waits until it tells its address.
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        let mut child = Command::new(interactive())
            .arg(folder)
            .arg("--output")
            .arg(folder)
            .args(["--no-open", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("its output");
        let address = line_with(output, "http://").expect("the program tells its address").trim().to_owned();
        Self { child, address }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        let digits = self.address.rsplit(':').next().expect("a port").trim_end_matches('/');
        digits.parse().expect("a port")
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill").success());
    }

    /// Kills it without a warning.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// Draws `count` phantoms into `folder`, `film-1.png` and so on.
pub(crate) fn draw_phantoms(folder: &Path, count: u64) {
    for number in 1..=count {
        let phantom = Phantom::generate(&PhantomConfig::default(), number).expect("a phantom");
        write_gray_png(folder.join(format!("film-{number}.png")), &phantom.image).expect("its picture");
    }
}
