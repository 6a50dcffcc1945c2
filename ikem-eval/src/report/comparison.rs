use super::markdown::{Markdown, with_interval};
use super::{Report, Threshold};
use crate::bootstrap::Interval;

/// Several reports as one page of tables: MRE by click, FR and NoC by target, and Cobb angles. It lists the settings in
/// which the reports differ (rule, number of images, split, …).
#[must_use]
pub fn comparison_markdown(reports: &[Report]) -> String {
    let mut page = Markdown("# Comparison\n\n".to_owned());
    add_clicks(&mut page, reports);
    page.line(format_args!(""));
    add_effort(&mut page, reports);
    page.line(format_args!(""));
    add_angles(&mut page, reports);
    add_differences(&mut page, reports);
    page.0
}

fn add_clicks(page: &mut Markdown, reports: &[Report]) {
    let most = reports.iter().map(|report| report.figures.model.mre.len()).max().unwrap_or(0);
    let cells = |first: String, values: &[f64], intervals: &[Option<Interval>]| {
        let number = |click| with_interval(values.get(click).copied(), intervals.get(click), 1.0, 2);
        std::iter::once(first).chain((0..most).map(number)).collect::<Vec<_>>()
    };
    page.header(&cells_of("MRE px after clicks", (0..most).map(|click| click.to_string())));
    for report in reports {
        let (name, figures) = (report.provenance.title(), &report.figures);
        page.row(&cells(format!("{name}, model"), &figures.model.mre, &figures.model.mre_interval));
        page.row(&cells(format!("{name}, manual"), &figures.manual.mre, &figures.manual.mre_interval));
    }
}

fn add_effort(page: &mut Markdown, reports: &[Report]) {
    let mut targets: Vec<Threshold> =
        reports.iter().flat_map(|report| report.figures.effort.fr.keys().copied()).collect();
    targets.sort_unstable();
    targets.dedup();
    page.header(&cells_of("At a target of px", targets.iter().map(Threshold::to_string)));
    for report in reports {
        let (name, effort) = (report.provenance.title(), &report.figures.effort);
        let clicks = report.protocol.clicks;
        let row = |kind: &str, number: &dyn Fn(&Threshold) -> String| {
            cells_of(&format!("{name}, {kind}"), targets.iter().map(number))
        };
        page.row(&row(&format!("FR{clicks} %"), &|target| {
            with_interval(effort.fr.get(target).copied(), effort.fr_interval.get(target), 100.0, 2)
        }));
        page.row(&row(&format!("NoC{clicks}, failures as {clicks}"), &|target| {
            with_interval(effort.noc.get(target).copied(), effort.noc_interval.get(target), 1.0, 2)
        }));
        page.row(&row(&format!("NoC{clicks}, successes only"), &|target| {
            let noc = effort.noc_successes.get(target).copied().flatten();
            with_interval(noc, effort.noc_successes_interval.get(target), 1.0, 2)
        }));
    }
}

fn add_angles(page: &mut Markdown, reports: &[Report]) {
    page.header(&["SMAPE % (challenge, MATLAB script)", "first", "last"]);
    for report in reports {
        let Some(cobb) = &report.figures.cobb else { continue };
        let script = &cobb.matlab;
        let number = |click: usize| {
            with_interval(
                script.smape.get(click).copied().flatten(),
                script.smape_interval.get(click),
                1.0,
                2,
            )
        };
        page.row(&[
            report.provenance.title().to_owned(),
            number(0),
            number(script.smape.len().saturating_sub(1)),
        ]);
    }
}

/// A setting on which figures depend, and its value in a report.
type Aspect = (&'static str, fn(&Report) -> String);

/// Lists the settings that differ between the reports.
fn add_differences(page: &mut Markdown, reports: &[Report]) {
    let aspects: [Aspect; 6] = [
        ("rule", |report| report.protocol.rule.to_string()),
        ("number of clicks", |report| report.protocol.clicks.to_string()),
        ("error of clicks", |report| report.protocol.click_std.to_string()),
        ("number of images", |report| report.figures.images.to_string()),
        ("split", |report| report.provenance.split.clone().unwrap_or_default()),
        ("labels", |report| report.provenance.labels.clone().unwrap_or_default()),
    ];
    for (name, aspect) in aspects {
        let found: Vec<String> = reports.iter().map(aspect).collect();
        if found.windows(2).any(|pair| pair[0] != pair[1]) {
            page.line(format_args!("\nNot alike: {name} ({}).", found.join("; ")));
        }
    }
}

fn cells_of(first: &str, rest: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(rest).collect()
}
