use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Fault, LabelPolicy};
use crate::error::Error;
use crate::files;
use crate::manifest::Subset;

/// The faults found in the labels of one image, with their treatment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// The path of the image.
    pub image_path: String,
    /// Its subset.
    pub set: Subset,
    /// The faults of the published labels.
    pub faults: Vec<Fault>,
    /// The faults repaired.
    pub repaired: Vec<Fault>,
    /// The faults left.
    pub left: Vec<Fault>,
    /// Whether the image was dropped.
    pub dropped: bool,
}

/// The result of auditing a manifest. `Display` lists every image with findings and the reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditReport {
    /// How faulty labels were treated.
    pub policy: LabelPolicy,
    /// The number of images audited.
    pub total: usize,
    /// The number of images kept.
    pub kept: usize,
    /// The images with faults.
    pub findings: Vec<Finding>,
}

impl AuditReport {
    /// The number of images with each fault, by [`Fault::check`].
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

    /// The paths of the images whose finding satisfies `wanted`.
    pub fn images(&self, wanted: impl Fn(&Finding) -> bool) -> impl Iterator<Item = &str> {
        self.findings.iter().filter(move |finding| wanted(finding)).map(|finding| finding.image_path.as_str())
    }

    /// Writes the report atomically as JSON.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_json(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        files::write_json(path.as_ref(), self)
    }

    /// Writes the report atomically as text.
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
                    (false, false) => " [resolved by the repair]",
                    (false, true) => "",
                };
                writeln!(f, "  {fault}{done}")?;
            }
            for fault in finding.left.iter().filter(|fault| !finding.faults.contains(fault)) {
                writeln!(f, "  {fault} [caused by the repair]")?;
            }
        }
        Ok(())
    }
}
