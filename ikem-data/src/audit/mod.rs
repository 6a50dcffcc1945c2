//! Checks of labels, repair of certain faults, and a report.

mod checks;
mod fault;
mod repair;
mod report;

pub use checks::audit;
pub use fault::Fault;
pub use repair::{LabelPolicy, clean, repair};
pub use report::{AuditReport, Finding};

#[cfg(test)]
mod tests {
    use ikem_core::{Size, Skeleton};
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::{Manifest, ManifestEntry, Subset};

    /// A plausible spine on an image of 400 × 1000 pixels.
    fn sound(name: &str, set: Subset) -> ManifestEntry {
        let corner = |index: usize| {
            let (vertebra, right, bottom) = (index / 4, index % 2, index / 2 % 2);
            let down = 0.05 + 0.053 * vertebra as f64 + 0.036 * bottom as f64;
            [down, 0.42 + 0.16 * right as f64]
        };
        let corners = (0..68).map(corner).collect();
        ManifestEntry::new(name.to_owned(), corners, Size::new(400, 1000), set, &Skeleton::spine())
    }

    #[test]
    fn each_check_finds_its_fault_and_nothing_else() {
        type Change = fn(&mut Vec<[f64; 2]>);
        let cases: [(&str, Change, &[&str]); 10] = [
            ("sound", |_| {}, &[]),
            ("rolled", |c| c.rotate_left(4), &["the topmost vertebra is last in the list", "T12", "T12"]),
            (
                "swapped",
                |c| {
                    c.swap(8, 9);
                    c.swap(10, 11);
                },
                &["left and right of T3 are swapped"],
            ),
            ("half swapped", |c| c.swap(66, 67), &["left and right of L5 are swapped at its bottom"]),
            ("above", |c| c[10][0] -= 0.056, &["T3 is inside out", "T3 is flat", "T3-BL is 20.0 px above"]),
            ("level", |c| c[12][0] = c[10][0], &["T4-TL is level with the corner"]),
            ("outside", |c| c[67][1] = 1.0245, &["L5-BR is outside the image, at (1.0245,"]),
            (
                "upside down",
                |c| {
                    c.swap(0, 2);
                    c.swap(1, 3);
                },
                &["T1 is inside out", "T1-BL is 36.0 px above", "T1-BR is 36.0 px above"],
            ),
            (
                "flat",
                |c| {
                    c[2][0] = c[0][0] + 0.01;
                    c[3][0] = c[1][0] + 0.01;
                },
                &["T1 is flat: its height is 0.16 of its width"],
            ),
            (
                "coinciding",
                |c| c[41] = [c[40][0], c[40][1] + 0.001],
                &["T11-TL and T11-TR are at the same place"],
            ),
        ];
        let spine = Skeleton::spine();
        for (name, change, expected) in cases {
            let mut entry = sound("a.png", Subset::Train);
            change(&mut entry.corners_yx);
            let faults: Vec<String> = audit(&entry, &spine).iter().map(ToString::to_string).collect();
            if name == "rolled" {
                // On both sides, the last vertebra is then above the one before it.
                assert!(faults[0] == expected[0] && faults.len() == 3, "{faults:?}");
                continue;
            }
            assert_eq!(faults.len(), expected.len(), "{name}: {faults:?}");
            for (fault, start) in faults.iter().zip(expected) {
                assert!(fault.starts_with(start), "{name}: {fault}");
            }
        }
    }

    #[test]
    fn a_roll_and_a_swap_are_repaired_and_uncertain_faults_stay() {
        let spine = Skeleton::spine();
        let good = sound("a.png", Subset::Train);
        let mut entry = good.clone();
        entry.corners_yx.swap(8, 9);
        entry.corners_yx.swap(10, 11);
        entry.corners_yx.rotate_left(4);
        let fixed = repair(&mut entry, &spine);
        assert_eq!(fixed.len(), 2);
        assert_eq!(entry, good);
        let mut unsure = good.clone();
        unsure.corners_yx[8] = [0.3, 0.7];
        unsure.corners_yx[9] = [0.1, 0.4];
        let before = unsure.clone();
        assert!(audit(&unsure, &spine).iter().any(|fault| matches!(fault, Fault::Swapped { .. })));
        assert!(repair(&mut unsure, &spine).is_empty());
        assert_eq!(unsure, before);
    }

    #[test]
    fn policies_keep_repair_or_drop() {
        let spine = Skeleton::spine();
        let mut rolled = sound("data/x-7 A.png", Subset::Train);
        rolled.corners_yx.rotate_left(4);
        let mut outside = sound("data/x-8 A.png", Subset::Train);
        outside.corners_yx[0][1] = -0.2;
        let mut level = sound("data/x-9 A.png", Subset::Train);
        level.corners_yx[12][0] = level.corners_yx[10][0];
        let shared = sound("data/x-5 A.png", Subset::Train);
        let other = sound("data/x-5 B.png", Subset::Val);
        let entries =
            vec![rolled.clone(), outside, level, shared, other, sound("data/x-6 A.png", Subset::Test)];
        let manifest = Manifest { entries };
        for (policy, kept, repaired) in
            [(LabelPolicy::Raw, 6, false), (LabelPolicy::Repaired, 6, true), (LabelPolicy::Strict, 4, true)]
        {
            let mut cleaned = manifest.clone();
            let report = clean(&mut cleaned, &spine, policy);
            assert_eq!((report.total, report.kept, cleaned.entries.len()), (6, kept, kept), "{policy:?}");
            assert_eq!(cleaned.entries[0] != rolled, repaired, "{policy:?}");
            assert_eq!(report.findings.len(), 4);
            let text = report.to_string();
            for line in ["1  rolled", "1  outside", "1  level", "1  shared study", "data/x-7 A.png (train)"] {
                assert!(text.contains(line), "{line} is not in\n{text}");
            }
            assert!(text.contains("study 5 is also in the subset \"val\""), "{text}");
            assert_eq!(text.contains("data/x-8 A.png (train): left out"), policy == LabelPolicy::Strict);
            let json = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<AuditReport>(&json).unwrap(), report);
        }
        assert!("best".parse::<LabelPolicy>().unwrap_err().to_string().contains("raw, repaired or strict"));
    }

    #[test]
    fn faults_list_their_keypoints() {
        let spine = Skeleton::spine();
        assert_eq!(Fault::Rolled.keypoints(&spine).len(), 68);
        assert_eq!(Fault::InsideOut { vertebra: "T2".to_owned() }.keypoints(&spine), [4, 5, 6, 7]);
        let pair = Fault::Coinciding { first: "T1-TL".to_owned(), second: "L5-BR".to_owned() };
        assert_eq!(pair.keypoints(&spine), [0, 67]);
    }

    proptest! {
        #[test]
        fn repair_only_permutes_points_and_adds_no_swaps(
            corners in prop::collection::vec(prop::array::uniform2(-0.2_f64..1.2), 68),
        ) {
            let spine = Skeleton::spine();
            let mut entry = ManifestEntry::new("a".to_owned(), corners, Size::new(300, 500), Subset::Train, &spine);
            let sorted = |entry: &ManifestEntry| {
                let mut points = entry.corners_yx.clone();
                points.sort_by(|a, b| a.partial_cmp(b).unwrap());
                points
            };
            let before = sorted(&entry);
            let swaps = |entry: &ManifestEntry| {
                audit(entry, &spine).iter().filter(|fault| matches!(fault, Fault::Swapped { .. })).count()
            };
            let count = swaps(&entry);
            repair(&mut entry, &spine);
            prop_assert_eq!(sorted(&entry), before);
            prop_assert!(swaps(&entry) <= count);
            prop_assert!(repair(&mut entry, &spine).is_empty());
        }
    }
}
