use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use ikem_core::{FieldError, Skeleton};
use serde::{Deserialize, Serialize};

use super::checks::Corners;
use super::{AuditReport, Fault, Finding, audit};
use crate::aasce::study_id;
use crate::error::Error;
use crate::manifest::{Manifest, ManifestEntry, Subset, is_seen};

/// How faulty labels are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LabelPolicy {
    /// Keep all labels as published.
    #[default]
    Raw,
    /// Repair faults with a single certain fix, report the others.
    Repaired,
    /// Repair, then drop images with serious faults left.
    Strict,
}

impl FromStr for LabelPolicy {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "raw" => Ok(Self::Raw),
            "repaired" => Ok(Self::Repaired),
            "strict" => Ok(Self::Strict),
            _ => Err(FieldError::new("labels", "raw, repaired or strict", text).into()),
        }
    }
}

/// Repairs faults that have a single certain fix and returns them. A list that begins one vertebra late is rotated
/// back; left and right of a vertebra, or of its upper or lower corners, are swapped if that makes it convex.
/// Recomputes the centres.
pub fn repair(entry: &mut ManifestEntry, skeleton: &Skeleton) -> Vec<Fault> {
    let mut fixed = Vec::new();
    if Corners::new(entry, skeleton).is_rolled() {
        roll(entry, skeleton);
        fixed.push(Fault::Rolled);
    }
    for vertebra in skeleton.vertebrae() {
        let &[tl, tr, bl, br] = vertebra.corners.as_slice() else { continue };
        let mut points =
            [tl, tr, bl, br].map(|index| entry.corners_yx.get(index).copied().unwrap_or_default());
        if !points.iter().all(is_seen) {
            continue;
        }
        let (top, bottom) = Corners::swaps(&points);
        if top {
            points.swap(0, 1);
        }
        if bottom {
            points.swap(2, 3);
        }
        if (top || bottom) && Corners::new(entry, skeleton).is_convex(&points) {
            for (index, point) in [tl, tr, bl, br].into_iter().zip(points) {
                if let Some(slot) = entry.corners_yx.get_mut(index) {
                    *slot = point;
                }
            }
            fixed.push(Fault::Swapped { vertebra: vertebra.name.clone(), top, bottom });
        }
    }
    if !fixed.is_empty() {
        entry.compute_centers(skeleton);
    }
    fixed
}

/// Moves the last vertebra to the front, so that each takes the corners of the one before it.
fn roll(entry: &mut ManifestEntry, skeleton: &Skeleton) {
    let old = entry.corners_yx.clone();
    let vertebrae: Vec<_> =
        skeleton.vertebrae().iter().filter(|vertebra| vertebra.corners.len() == 4).collect();
    let sources = vertebrae.iter().cycle().skip(vertebrae.len().saturating_sub(1));
    for (target, source) in vertebrae.iter().zip(sources) {
        for (&to, &from) in target.corners.iter().zip(&source.corners) {
            if let (Some(slot), Some(&point)) = (entry.corners_yx.get_mut(to), old.get(from)) {
                *slot = point;
            }
        }
    }
}

/// Audits all labels of `manifest`, repairs or drops them as `policy` says, and reports the findings.
pub fn clean(manifest: &mut Manifest, skeleton: &Skeleton, policy: LabelPolicy) -> AuditReport {
    let shared = shared_studies(manifest);
    let total = manifest.entries.len();
    let mut findings = Vec::new();
    manifest.entries.retain_mut(|entry| {
        let mut faults = audit(entry, skeleton);
        let study = shared.get(&entry.image_path).cloned();
        faults.extend(study.clone());
        if faults.is_empty() {
            return true;
        }
        let repaired = if policy == LabelPolicy::Raw { Vec::new() } else { repair(entry, skeleton) };
        let left = match repaired.is_empty() {
            true => faults.clone(),
            false => audit(entry, skeleton).into_iter().chain(study).collect(),
        };
        let dropped = policy == LabelPolicy::Strict && left.iter().any(Fault::is_serious);
        findings.push(Finding {
            image_path: entry.image_path.clone(),
            set: entry.set,
            faults,
            repaired,
            left,
            dropped,
        });
        !dropped
    });
    AuditReport { policy, total, kept: manifest.entries.len(), findings }
}

/// Training images whose study is also in validation or test, and validation images whose study is also in test.
fn shared_studies(manifest: &Manifest) -> BTreeMap<String, Fault> {
    let mut sets: BTreeMap<&str, BTreeSet<Subset>> = BTreeMap::new();
    for entry in &manifest.entries {
        if let Some(study) = study_id(entry.name()) {
            sets.entry(study).or_default().insert(entry.set);
        }
    }
    manifest
        .entries
        .iter()
        .filter_map(|entry| {
            let study = study_id(entry.name())?;
            let with = *sets.get(study)?.last().filter(|&&last| last > entry.set)?;
            Some((entry.image_path.clone(), Fault::SharedStudy { study: study.to_owned(), with }))
        })
        .collect()
}
