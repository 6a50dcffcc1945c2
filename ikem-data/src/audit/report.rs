use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Fault, LabelPolicy};
use crate::{Error, Subset, files};

/// What was found wrong with one image's labels, and what was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The image.
    pub image_path: String,
    /// Its set.
    pub set: Subset,
    /// What is wrong with the labels as published.
    pub faults: Vec<Fault>,
    /// What was put right.
    pub repaired: Vec<Fault>,
    /// What is still wrong.
    pub left: Vec<Fault>,
    /// Whether the image was left out.
    pub dropped: bool,
}

/// The result of looking through a manifest. Its text, by `Display`, lists every entry touched and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditReport {
    /// What was to become of wrong labels.
    pub policy: LabelPolicy,
    /// How many images were looked at.
    pub total: usize,
    /// How many are still there.
    pub kept: usize,
    /// The images with faults.
    pub findings: Vec<Finding>,
}

impl AuditReport {
    /// How many images each check found, by [`Fault::check`].
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for finding in &self.findings {
            let mut checks: Vec<_> = finding.faults.iter().map(Fault::check).collect();
            checks.sort_unstable();
            checks.dedup();
            for check in checks {
                *counts.entry(check).or_insert(0) += 1;
            }
        }
        counts
    }

    /// The images whose labels `wanted` is true of.
    pub fn images(&self, wanted: impl Fn(&Finding) -> bool) -> impl Iterator<Item = &str> {
        self.findings.iter().filter(move |finding| wanted(finding)).map(|finding| finding.image_path.as_str())
    }

    /// Writes the report as JSON: to a temporary file first, which then takes the name `path`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_json(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        files::write_json(path.as_ref(), self)
    }

    /// Writes the report's text in the same way.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_text(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        files::write(path.as_ref(), self.to_string().as_bytes())
    }
}

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repaired = self.images(|finding| !finding.repaired.is_empty()).count();
        writeln!(
            f,
            "{} images: {} with findings, {repaired} repaired, {} left out",
            self.total,
            self.findings.len(),
            self.total - self.kept
        )?;
        for (check, count) in self.counts() {
            writeln!(f, "  {count:4}  {check}")?;
        }
        for finding in &self.findings {
            let what = if finding.dropped { ": left out" } else { "" };
            writeln!(f, "{} ({}){what}", finding.image_path, finding.set.name())?;
            for fault in &finding.faults {
                let done = match (finding.repaired.contains(fault), finding.left.contains(fault)) {
                    (true, _) => " [repaired]",
                    (false, false) => " [gone with the repair]",
                    (false, true) => "",
                };
                writeln!(f, "  {fault}{done}")?;
            }
            for fault in finding.left.iter().filter(|fault| !finding.faults.contains(fault)) {
                writeln!(f, "  {fault} [after the repair]")?;
            }
        }
        Ok(())
    }
}
