//! What the terminal shows of a report.

use ikem_eval::Report;
use ikem_examples::say;

/// Prints MRE by click, then FR and both NoCs by target.
pub(crate) fn print(report: &Report) {
    let figures = &report.figures;
    let interval = |interval: Option<[f64; 2]>| match interval {
        Some([low, high]) => format!("[{low:>7.2}, {high:>7.2}]"),
        None => String::new(),
    };
    say!(
        "mean radial error in image pixels over {} images, rule {} [95 % interval]",
        figures.images,
        report.protocol.rule
    );
    say!("{:>6} {:>8} {:18} {:>8} {:18}", "clicks", "model", "", "manual", "");
    for click in 0..figures.model.mre.len() {
        let cell = |series: &ikem_eval::Series| {
            format!("{:>8.2} {}", series.mre[click], interval(series.mre_interval[click]))
        };
        say!("{click:>6} {} {}", cell(&figures.model), cell(&figures.manual));
    }
    let millimetres = &figures.model.mre_millimetres;
    if let (Some(Some(first)), Some(Some(last))) = (millimetres.first(), millimetres.last()) {
        let place = report.enlarging_plane().map_or_else(String::new, |place| format!(" {place}"));
        say!("in mm{place}, where known: {first:.2} at first, {last:.2} after all clicks");
    }
    let clicks = report.protocol.clicks;
    say!(
        "{:>9} {:>8} {:>24} {:>24}",
        "target px",
        "FR %",
        format!("NoC, failures as {clicks}"),
        "NoC, successes only"
    );
    for (target, fr) in &figures.effort.fr {
        let successes = figures.effort.noc_successes[target];
        let successes = successes.map_or_else(|| "-".to_owned(), |noc| format!("{noc:.2}"));
        say!("{target:>9} {:>8.2} {:>24.2} {successes:>24}", 100.0 * fr, figures.effort.noc[target]);
    }
    if let Some(cobb) = &figures.cobb {
        let smape = |click: usize| {
            cobb.matlab.smape[click].map_or_else(|| "-".to_owned(), |smape| format!("{smape:.2} %"))
        };
        let without = match cobb.matlab.unmeasured.first() {
            Some(0) | None => String::new(),
            Some(images) => format!(" ({images} images have none)"),
        };
        say!(
            "SMAPE of the challenge's Cobb angles{without}: {} at first, {} after all clicks",
            smape(0),
            smape(clicks)
        );
    }
    for (name, part) in &report.subsets {
        let last = part.model.mre.last().copied().unwrap_or(f64::NAN);
        say!(
            "{name}: {} images, {:.2} px at first, {last:.2} px after all clicks",
            part.images,
            part.model.mre[0]
        );
    }
}
