//! What a program that we started says.

use std::io::{BufRead, BufReader};
use std::process::ChildStdout;

/// The first line that contains `part`. What follows is read and dropped, so that the program can go on talking.
pub(crate) fn line_with(output: ChildStdout, part: &str) -> Option<String> {
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let found = lines.find(|line| line.contains(part));
    std::thread::spawn(move || lines.for_each(drop));
    found
}
