use std::fmt::Write as _;

use super::{Figures, Provenance, Report, ScriptFigures, SuspectFigures};
use crate::bootstrap::Interval;

/// A Markdown page under construction; writing to it cannot fail.
pub(super) struct Markdown(pub String);

impl Markdown {
    pub(super) fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{text}");
    }

    /// A table's header: the first column is text, the others are numbers.
    pub(super) fn header<C: AsRef<str>>(&mut self, cells: &[C]) {
        self.row(cells);
        let rule = (0..cells.len()).map(|column| if column == 0 { "---" } else { "---:" });
        self.row(&rule.collect::<Vec<_>>());
    }

    pub(super) fn row<C: AsRef<str>>(&mut self, cells: &[C]) {
        // A vertical bar would end the cell.
        let cells: Vec<String> = cells.iter().map(|cell| cell.as_ref().replace('|', "\\|")).collect();
        self.line(format_args!("| {} |", cells.join(" | ")));
    }
}

/// A figure with its confidence interval; a dash where there is none, or where it is not a number.
pub(super) fn with_interval(
    value: Option<f64>,
    interval: Option<&Option<Interval>>,
    factor: f64,
    digits: usize,
) -> String {
    let value = value.map(|value| value * factor).filter(|value| !value.is_nan());
    let Some(value) = value else { return "–".to_owned() };
    match interval.copied().flatten() {
        Some([low, high]) => {
            format!("{value:.digits$} [{:.digits$}, {:.digits$}]", low * factor, high * factor)
        }
        None => format!("{value:.digits$}"),
    }
}

impl Provenance {
    /// The name for display.
    #[must_use]
    pub fn title(&self) -> &str {
        if self.name.is_empty() { self.checkpoint.as_deref().unwrap_or("unnamed") } else { &self.name }
    }
}

impl Report {
    /// The report as a Markdown page of tables.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut page = Markdown(String::new());
        page.line(format_args!("# Evaluation of {}\n", self.provenance.title()));
        self.add_provenance(&mut page);
        if let Some(plane) = self.enlarging_plane() {
            page.line(format_args!("- millimetres: {plane}; those of the patient are smaller"));
        }
        page.line(format_args!("\n## All {} images\n", self.figures.images));
        self.figures.add_to(&mut page);
        for (name, figures) in &self.subsets {
            page.line(format_args!("\n## {name}: {} images\n", figures.images));
            figures.add_to(&mut page);
        }
        page.line(format_args!("\n## Conventions\n"));
        for (name, meaning) in &self.conventions {
            page.line(format_args!("- `{name}`: {meaning}"));
        }
        page.0
    }

    /// A description of the plane in which millimetres were measured if the patient is magnified in it, from the first
    /// such image.
    #[must_use]
    pub fn enlarging_plane(&self) -> Option<&'static str> {
        self.cases.iter().find_map(|case| case.spacing?.enlarging_plane())
    }

    fn add_provenance(&self, page: &mut Markdown) {
        let Provenance { checkpoint, checkpoint_sha256, manifest, manifest_sha256, split, labels, .. } =
            &self.provenance;
        for (name, value) in [
            ("checkpoint", checkpoint),
            ("checkpoint's SHA-256", checkpoint_sha256),
            ("manifest", manifest),
            ("manifest's SHA-256", manifest_sha256),
            ("split", split),
            ("labels", labels),
        ] {
            if let Some(value) = value {
                page.line(format_args!("- {name}: `{value}`"));
            }
        }
        if !self.provenance.left_out.is_empty() {
            page.line(format_args!("- left out: {} images", self.provenance.left_out.len()));
        }
        for film in &self.provenance.left_out {
            page.line(format_args!("  - {film}"));
        }
        page.line(format_args!("- annotator: `{}`, {} clicks", self.protocol.rule, self.protocol.clicks));
    }
}

impl Figures {
    fn add_to(&self, page: &mut Markdown) {
        self.add_clicks(page);
        page.line(format_args!(""));
        self.add_effort(page);
        page.line(format_args!(""));
        self.add_vertebrae(page);
        if let Some(suspects) = &self.suspects {
            page.line(format_args!(""));
            suspects.add_to(page);
        }
        if let Some(cobb) = &self.cobb {
            page.line(format_args!(""));
            page.header(&["Cobb angles", "clicks", "SMAPE %", "MAE 1 °", "MAE 2 °", "MAE 3 °"]);
            cobb.matlab.add_to(page, "challenge, MATLAB script");
            cobb.python_port.add_to(page, "challenge, Python port");
            page.line(format_args!(""));
            page.header(&["Major curve", "MAE °", "bias °", "severity %", "side %", "region %"]);
            let clinical = &cobb.clinical;
            for click in ends(clinical.major.len()) {
                let part = |values: &[Option<f64>], intervals: &[Option<Interval>]| {
                    with_interval(values.get(click).copied().flatten(), intervals.get(click), 100.0, 1)
                };
                let major = clinical.major.get(click).copied().flatten();
                page.row(&[
                    format!("after {click} clicks"),
                    with_interval(major.map(|major| major.mae), clinical.mae_interval.get(click), 1.0, 2),
                    with_interval(major.map(|major| major.bland_altman.bias), None, 1.0, 2),
                    part(&clinical.severity, &clinical.severity_interval),
                    part(&clinical.side, &clinical.side_interval),
                    part(&clinical.region, &clinical.region_interval),
                ]);
            }
        }
    }

    fn add_clicks(&self, page: &mut Markdown) {
        let thresholds = self.model.sdr.keys().map(|threshold| format!("SDR {threshold} px %"));
        let fixed = [
            "Clicks",
            "MRE model px",
            "MRE manual px",
            "gain px",
            "median px",
            "not corrected px",
            "shifted px",
        ];
        let known = self.model.mre_millimetres.iter().any(Option::is_some);
        let millimetres = known.then(|| "MRE model mm".to_owned());
        let columns = fixed.map(str::to_owned).into_iter().chain(thresholds).chain(millimetres);
        page.header(&columns.collect::<Vec<_>>());
        for click in 0..self.model.mre.len() {
            let (model, manual) = (&self.model, &self.manual);
            let full = |values: &[f64], intervals: &[Option<Interval>]| {
                with_interval(values.get(click).copied(), intervals.get(click), 1.0, 2)
            };
            let partial = |values: &[Option<f64>], intervals: &[Option<Interval>]| {
                with_interval(values.get(click).copied().flatten(), intervals.get(click), 1.0, 2)
            };
            let mut cells = vec![
                click.to_string(),
                full(&model.mre, &model.mre_interval),
                full(&manual.mre, &manual.mre_interval),
                full(&self.gain, &self.gain_interval),
                full(&model.median, &model.median_interval),
                partial(&model.mre_uncorrected, &model.mre_uncorrected_interval),
                partial(&model.mre_shifted, &model.mre_shifted_interval),
            ];
            cells.extend(model.sdr.iter().map(|(threshold, rates)| {
                let interval = model.sdr_interval.get(threshold).and_then(|intervals| intervals.get(click));
                with_interval(rates.get(click).copied(), interval, 100.0, 1)
            }));
            cells.extend(known.then(|| partial(&model.mre_millimetres, &model.mre_millimetres_interval)));
            page.row(&cells);
        }
    }

    fn add_effort(&self, page: &mut Markdown) {
        let kinds = ["FR %", "NoC (failures as all clicks)", "NoC (successes only)"];
        page.header(&["Target px", "revision"].into_iter().chain(kinds).collect::<Vec<_>>());
        for (name, effort) in [("model", &self.effort), ("manual", &self.manual_effort)] {
            for (target, fr) in &effort.fr {
                let noc = effort.noc.get(target).copied();
                let successes = effort.noc_successes.get(target).copied().flatten();
                page.row(&[
                    target.to_string(),
                    name.to_owned(),
                    with_interval(Some(*fr), effort.fr_interval.get(target), 100.0, 2),
                    with_interval(noc, effort.noc_interval.get(target), 1.0, 2),
                    with_interval(successes, effort.noc_successes_interval.get(target), 1.0, 2),
                ]);
            }
        }
    }

    fn add_vertebrae(&self, page: &mut Markdown) {
        let parts = &self.vertebrae;
        page.header(&["Vertebra", "MRE first px", "MRE last px"]);
        for (index, name) in parts.names.iter().enumerate() {
            page.row(&[
                name.clone(),
                with_interval(parts.first.get(index).copied(), parts.first_interval.get(index), 1.0, 2),
                with_interval(parts.last.get(index).copied(), parts.last_interval.get(index), 1.0, 2),
            ]);
        }
    }
}

impl SuspectFigures {
    fn add_to(&self, page: &mut Markdown) {
        page.header(&["Clicks", "wrong keypoints", "of these doubtful %", "of the others doubtful %"]);
        for (click, wrong) in self.wrong.iter().enumerate() {
            let part =
                |values: &[Option<f64>]| with_interval(values.get(click).copied().flatten(), None, 100.0, 1);
            page.row(&[click.to_string(), wrong.to_string(), part(&self.found), part(&self.false_alarms)]);
        }
    }
}

impl ScriptFigures {
    fn add_to(&self, page: &mut Markdown, name: &str) {
        for click in ends(self.smape.len()) {
            let smape = self.smape.get(click).copied().flatten();
            let mae = |angle: usize| {
                let agreement = self.angles.get(click).copied().flatten();
                let interval = self.mae_interval.get(click).map(|intervals| &intervals[angle]);
                with_interval(agreement.map(|angles| angles[angle].mae), interval, 1.0, 2)
            };
            let without = self.unmeasured.get(click).copied().unwrap_or_default();
            let name = match without {
                0 => name.to_owned(),
                _ => format!("{name} ({without} images have none)"),
            };
            page.row(&[
                name,
                click.to_string(),
                with_interval(smape, self.smape_interval.get(click), 1.0, 2),
                mae(0),
                mae(1),
                mae(2),
            ]);
        }
    }
}

/// The indices of the first and last of `count` items.
fn ends(count: usize) -> impl Iterator<Item = usize> {
    (0..count).filter(move |place| *place == 0 || place + 1 == count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_does_not_exist_is_a_dash() {
        assert_eq!(with_interval(Some(0.125), Some(&Some([0.1, 0.2])), 100.0, 1), "12.5 [10.0, 20.0]");
        assert_eq!(with_interval(Some(2.0), Some(&None), 1.0, 2), "2.00");
        assert_eq!(with_interval(None, None, 1.0, 2), "–");
        assert_eq!(with_interval(Some(f64::NAN), Some(&None), 1.0, 2), "–");
    }
}
