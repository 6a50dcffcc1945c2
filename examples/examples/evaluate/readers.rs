//! The agreement of two readers, or of a reader and labels; no network is needed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ikem_core::{Frame, Point, Skeleton};
use ikem_data::{PredictionRecord, Verdict, composed_name};
use ikem_eval::{Bootstrap, ReaderAgreement, Reading};
use ikem_examples::{file_name, saved_work, say};
use ikem_files::FilePlan;

/// Compares the keypoints of two files, or of the work that the page saved in two folders. Writes the report with its tables to
/// `output`, or prints it.
pub(crate) fn compare(
    readers: &[impl AsRef<Path>],
    bootstrap: Bootstrap,
    output: Option<&Path>,
) -> Result<()> {
    let [first, second] = readers else { bail!("--readers: {} given; expected two", readers.len()) };
    let paths = [first.as_ref(), second.as_ref()];
    let mut plan = FilePlan::default();
    for path in paths.iter().filter(|path| path.is_file()) {
        plan.reads("--readers", path);
    }
    if let Some(path) = output {
        plan.writes("--output", path, &["json"]);
        for table in ["md", "csv"] {
            plan.writes("the report's table", path.with_extension(table), &[]);
        }
    }
    plan.check()?;
    let names = distinct(paths.map(name));
    let agreement = agreement(names, [read(paths[0])?, read(paths[1])?], bootstrap)?;
    let Some(output) = output else {
        say!("{}", agreement.to_markdown().trim_end());
        return Ok(());
    };
    agreement.write_json(output)?;
    agreement.write_markdown(&output.with_extension("md"))?;
    agreement.write_csv(&output.with_extension("csv"))?;
    say!(
        "wrote {} and tables beside it: {} films, {} left out",
        output.display(),
        agreement.films.len(),
        agreement.left_out.len()
    );
    for film in &agreement.left_out {
        say!("left out: {film}");
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<PredictionRecord>> {
    if path.is_dir() {
        return saved_work(path);
    }
    Ok(PredictionRecord::read_all(path, &Skeleton::spine())?)
}

/// What a reader is called: the file without its ending, or the folder.
fn name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match (whole.is_file(), whole.file_stem()) {
        (true, Some(stem)) => stem.to_string_lossy().into_owned(),
        _ => file_name(&whole),
    }
}

fn distinct([first, second]: [String; 2]) -> [String; 2] {
    let second = if first == second { format!("{second} (2)") } else { second };
    [first, second]
}

fn agreement(
    names: [String; 2],
    [first, second]: [Vec<PredictionRecord>; 2],
    bootstrap: Bootstrap,
) -> Result<ReaderAgreement> {
    let mut left_out = Vec::new();
    let first = by_name(&names[0], &first);
    let mut second = by_name(&names[1], &second);
    let mut pairs = Vec::new();
    for (film, own) in first {
        let (own, other) = match (own, second.remove(&film)) {
            (Ok(own), Some(Ok(other))) => (own, other),
            (Ok(own), None) => {
                left_out.push(format!("{}: only read by {}", own.image, names[0]));
                continue;
            }
            (Err(why), Some(Err(also))) => {
                left_out.extend([why, also]);
                continue;
            }
            (Err(why), _) | (_, Some(Err(why))) => {
                left_out.push(why);
                continue;
            }
        };
        if own.size() != other.size() {
            let (a, b) = (own.size(), other.size());
            left_out.push(format!("{}: {a} for {}, {b} for {}", own.image, names[0], names[1]));
            continue;
        }
        pairs.push((reading(own, other)?, reading(other, own)?));
    }
    left_out.extend(second.into_values().map(|film| match film {
        Ok(film) => format!("{}: only read by {}", film.image, names[1]),
        Err(why) => why,
    }));
    ensure!(!pairs.is_empty(), "no film was read by both: {}", left_out.join("; "));
    Ok(ReaderAgreement::new(names, &pairs, bootstrap)?.with_left_out(left_out))
}

/// A film that can be compared, or why it cannot.
type Usable<'a> = Result<&'a PredictionRecord, String>;

/// The films by their names.
fn by_name<'a>(reader: &str, films: &'a [PredictionRecord]) -> BTreeMap<String, Usable<'a>> {
    let mut of_name: BTreeMap<String, Vec<&PredictionRecord>> = BTreeMap::new();
    for film in films {
        of_name.entry(composed_name(&film.image).to_lowercase()).or_default().push(film);
    }
    let usable = |(name, films): (String, Vec<&'a PredictionRecord>)| {
        let film = match films.as_slice() {
            [film] => match film.review.as_ref().map(|review| &review.verdict) {
                Some(Verdict::Unusable(why)) => Err(format!("{}: unusable for {reader}: {why}", film.image)),
                _ if film.keypoints.is_empty() => Err(format!("{}: no keypoints of {reader}", film.image)),
                _ => Ok(*film),
            },
            films => Err(format!("{name}: {reader} has {} films of this name", films.len())),
        };
        (name, film)
    };
    of_name.into_iter().map(usable).collect()
}

/// A film as a reader sees it. What only the other file says of the film holds for both.
fn reading(own: &PredictionRecord, other: &PredictionRecord) -> Result<Reading> {
    let spine = Skeleton::spine();
    let mut points: Vec<Option<Point>> = vec![None; spine.len()];
    for keypoint in &own.keypoints {
        let index = spine.index(&keypoint.name).with_context(|| own.image.clone())?;
        if let Some(point) = points.get_mut(index) {
            *point = Some(Point::new(keypoint.x, keypoint.y));
        }
    }
    let frame = own.seen.as_ref().or(other.seen.as_ref()).map(|seen| seen.frame);
    let unknown = |name| anyhow::anyhow!("{}: {name:?} is no vertebra from T1 to L5", own.image);
    let ends = own.review.as_ref().map_or(Ok(Vec::new()), |review| review.end_indices(&spine));
    Ok(Reading {
        film: own.image.clone(),
        size: own.size(),
        points,
        spacing: own.spacing.or(other.spacing),
        frame: frame.unwrap_or_else(|| Frame::whole(own.size())),
        ends: ends.map_err(unknown)?,
    })
}
