//! Test support: a seeded mutation fuzzer, which checks that a parser neither panics nor exceeds its limits on damaged files.
//!
//! [`Trial::run`] damages files at random and gives them to a parser, which must return in time and must not panic.
//! A file on which it fails is minimised and saved. `IKEM_FUZZ=N` sets the number of files, and `IKEM_FUZZ_FIRST`
//! is the first seed.
#![allow(clippy::expect_used, clippy::panic, reason = "tests panic on failure")]

mod minimise;
mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use mutation::damaged;

/// Far longer than a parser needs for a small file, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

/// A file to damage, usually a valid one.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it is called in messages.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its first byte with a meaning; what is before is not damaged.
    pub start: usize,
}

impl Sample {
    /// A file all of whose bytes have a meaning.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), start: 0 }
    }
}

/// A parser's trial by damaged files.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    /// What the parser is called in messages and in the names of saved files.
    pub parser: &'a str,
    /// The files to damage.
    pub samples: Vec<Sample>,
    /// Byte sequences that are meaningful in the format and are inserted at random.
    pub pieces: &'a [&'a str],
    /// How many damaged files are tried unless `IKEM_FUZZ` says otherwise.
    pub files: u64,
    /// The folder in which a file is saved on which the parser fails.
    pub failures: PathBuf,
}

/// How many files were tried, and how many of them the parser accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The number of damaged files.
    pub files: u64,
    /// How many of them the parser accepted.
    pub accepted: u64,
}

impl<'a> Trial<'a> {
    /// A trial of 10 000 files whose failures are saved in the folder `ikem-fuzz` of the system's temporary folder.
    pub fn new(parser: &'a str, samples: Vec<Sample>) -> Self {
        Self { parser, samples, pieces: &[], files: 10_000, failures: std::env::temp_dir().join("ikem-fuzz") }
    }

    /// The same trial, in which `pieces` are inserted, too.
    #[must_use]
    pub fn with_pieces(self, pieces: &'a [&'a str]) -> Self {
        Self { pieces, ..self }
    }

    /// Gives damaged files to `parse`, which returns whether it accepts one and panics if it accepts something wrong.
    ///
    /// # Panics
    /// If `parse` panics on a file, or takes longer than 20 s. The message names the seed and the file saved.
    pub fn run(&self, parse: impl Fn(&[u8]) -> bool) -> Tried {
        let (count, first) = (number("IKEM_FUZZ", self.files), number("IKEM_FUZZ_FIRST", 0));
        self.run_seeds(first..first + count, LONGEST, parse)
    }

    fn run_seeds(
        &self,
        seeds: std::ops::Range<u64>,
        longest: Duration,
        parse: impl Fn(&[u8]) -> bool,
    ) -> Tried {
        let mut tried = Tried { files: 0, accepted: 0 };
        for seed in seeds {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let sample = &self.samples[random.random_range(0..self.samples.len())];
            let bytes = damaged(&sample.bytes, sample.start, self.pieces, &mut random);
            match attempt(&parse, &bytes, longest) {
                Ok(accepted) => tried.accepted += u64::from(accepted),
                Err(failure) => self.fail(seed, sample, &bytes, &failure, longest, &parse),
            }
            tried.files += 1;
        }
        tried
    }

    /// Minimises and saves a file on which the parser fails, and panics.
    fn fail(
        &self,
        seed: u64,
        sample: &Sample,
        bytes: &[u8],
        failure: &str,
        longest: Duration,
        parse: &impl Fn(&[u8]) -> bool,
    ) -> ! {
        let smallest = minimise::smallest(bytes, |bytes| attempt(parse, bytes, longest).is_err());
        let path = self.failures.join(format!("{}-{seed}.bin", self.parser));
        let saved = std::fs::create_dir_all(&self.failures).and_then(|()| std::fs::write(&path, &smallest));
        let saved = match saved {
            Ok(()) => format!("saved as {}", path.display()),
            Err(error) => format!("not saved: {error}"),
        };
        panic!(
            "{}: {failure}\nseed {seed}, damage to {}; the smallest part that still fails has {} of {} bytes, {saved}",
            self.parser,
            sample.name,
            smallest.len(),
            bytes.len()
        );
    }
}

/// Whether the parser accepts a file; an error when it panics or takes too long.
fn attempt(parse: &impl Fn(&[u8]) -> bool, bytes: &[u8], longest: Duration) -> Result<bool, String> {
    let begin = Instant::now();
    let accepted = catch_unwind(AssertUnwindSafe(|| parse(bytes))).map_err(|panic| {
        let text =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        format!("it panics: {}", text.unwrap_or("without a message"))
    })?;
    match begin.elapsed() {
        took if took > longest => Err(format!("it takes {took:?}, more than {longest:?}")),
        _ => Ok(accepted),
    }
}

/// The number in the environment variable `name`.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| match text.parse() {
        Ok(number) => number,
        Err(_) => panic!("{name} is {text:?}; expected a number of files or a seed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics on the byte 0xee after the byte `x`.
    fn fragile(bytes: &[u8]) -> bool {
        let after = bytes.iter().skip_while(|&&byte| byte != b'x');
        assert!(after.copied().all(|byte| byte != 0xee), "a planted fault");
        bytes.len() > 3
    }

    fn trial(failures: PathBuf) -> Trial<'static> {
        let samples = vec![Sample::new("letters", b"abcdefghijklmnopqrstuvwxyz".repeat(20))];
        Trial { failures, ..Trial::new("fragile", samples).with_pieces(&["x\u{20}", "y"]) }
    }

    #[test]
    fn a_failure_is_minimised_and_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let trial = trial(folder.path().join("failures"));
        let outcome = catch_unwind(|| trial.run_seeds(0..10_000, LONGEST, fragile));
        let message = *outcome.expect_err("a failure").downcast::<String>().expect("a message");
        assert!(message.starts_with("fragile: it panics: a planted fault\nseed "), "{message}");
        assert!(message.contains("has 2 of "), "{message}");
        let saved: Vec<_> = std::fs::read_dir(&trial.failures).expect("a folder").collect();
        let path = saved[0].as_ref().expect("a file").path();
        assert_eq!((saved.len(), std::fs::read(path).expect("a file")), (1, vec![b'x', 0xee]));
    }

    #[test]
    fn a_slow_parser_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        let slow = |bytes: &[u8]| {
            std::thread::sleep(Duration::from_millis(if bytes.len() < 100 { 5 } else { 0 }));
            true
        };
        let trial = trial(folder.path().to_owned());
        let outcome = catch_unwind(|| trial.run_seeds(0..10_000, Duration::from_millis(5), slow));
        let message = *outcome.expect_err("a failure").downcast::<String>().expect("a message");
        assert!(message.contains("more than 5ms"), "{message}");
    }

    #[test]
    fn a_robust_parser_passes_and_acceptance_is_counted() {
        let tried = trial(PathBuf::new()).run_seeds(7..307, LONGEST, |bytes| bytes.len() > 300);
        assert_eq!(tried.files, 300);
        assert!((150..300).contains(&tried.accepted), "{tried:?}");
    }

    #[test]
    fn a_seed_always_gives_the_same_damage() {
        let whole: Vec<u8> = (0..200).collect();
        let file = |seed| damaged(&whole, 10, &["piece"], &mut ChaCha8Rng::seed_from_u64(seed));
        for seed in 0..100 {
            assert_eq!(file(seed), file(seed));
            assert_eq!(file(seed)[..10.min(file(seed).len())], whole[..10.min(file(seed).len())]);
        }
        assert_ne!(file(1), file(2));
    }
}
