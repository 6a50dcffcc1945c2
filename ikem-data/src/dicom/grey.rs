//! The monochrome pipeline (PS3.3, C.11): modality LUT or rescaling, then VOI LUT or window.

use ikem_core::Tones;

use super::data_set::DataSet;
use super::frame::{Frame, Photometric};
use super::lookup::modality;
use super::samples::Samples;
use super::source::Source;
use super::tags::{PIXEL_PADDING_RANGE_LIMIT, PIXEL_PADDING_VALUE, RESCALE_INTERCEPT, RESCALE_SLOPE};
use super::voi::Voi;
use crate::decoded::Pixels;
use crate::error::Error;

/// If padding leaves less than this fraction of the pixels, the padding value is considered wrong and ignored.
const LEAST_LEFT: f64 = 0.01;

/// The full range of values is used if the range between the tail percentiles covers at least this fraction of it.
const FILLED: f64 = 0.4;

/// A histogram without padding: sorted values, each with its number of pixels.
struct Values(Vec<(f64, u32)>);

impl Values {
    fn new(counts: &[u32], values: &[f64], counted: impl Fn(usize) -> bool) -> Self {
        let counts = counts.iter().zip(values).enumerate();
        let present = counts.filter(|(level, (count, _))| **count > 0 && counted(*level));
        let mut present: Vec<_> = present.map(|(_, (&count, &value))| (value, count)).collect();
        present.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(present)
    }

    fn pixels(&self) -> f64 {
        self.0.iter().map(|(_, count)| f64::from(*count)).sum()
    }

    /// The value at the quantile `part`, 0…1.
    fn percentile(&self, part: f64) -> f64 {
        let wanted = ((self.pixels() - 1.0) * part).round();
        let mut below = 0.0;
        let reaches = |(_, count): &&(f64, u32)| {
            below += f64::from(*count);
            below > wanted
        };
        self.0.iter().find(reaches).or(self.0.last()).map_or(0.0, |(value, _)| *value)
    }

    /// The range between the tail percentiles, or the full range if that is empty.
    fn range(&self) -> (f64, f64) {
        let [low, high] = Tones::TAILS.map(|part| self.percentile(part));
        if high > low {
            return (low, high);
        }
        let ends = self.0.first().zip(self.0.last());
        ends.map_or((low, high), |(first, last)| (first.0, last.0))
    }

    /// The full range, or the range between the tail percentiles if outliers, such as hot pixels, lie far outside of
    /// it.
    fn extent(&self) -> (f64, f64) {
        let (low, high) = self.range();
        let ends = self.0.first().zip(self.0.last()).map_or((low, high), |(first, last)| (first.0, last.0));
        if high - low >= FILLED * (ends.1 - ends.0) { ends } else { (low, high) }
    }

    /// Whether `voi` shows the picture. It does not if it clips nearly all values, if it clips half of them and covers
    /// only a small part of their range, or if it maps nearly all to one grey.
    fn are_shown_by(&self, voi: &Voi) -> bool {
        let (low, high) = self.range();
        let [black, white] = voi.ends();
        let is_inside = |(value, _): &&(f64, u32)| {
            let grey = voi.grey(*value);
            black < grey && grey < white
        };
        let inside = self.0.iter().filter(is_inside).map(|(_, count)| f64::from(*count)).sum::<f64>();
        let inside = inside / self.pixels();
        let covered =
            voi.between().map_or(1.0, |(start, end)| (end.min(high) - start.max(low)) / (high - low));
        let spread = (voi.grey(high) - voi.grey(low)).abs();
        inside >= 0.1 && (inside >= 0.5 || covered >= 0.1) && spread >= 1.0 / 64.0
    }
}

/// The grey values of a monochrome frame, 0 (black) … 1 (white), and the fraction of padding pixels, which become
/// black.
pub(super) fn pixels(
    source: Source<'_>,
    data: &DataSet<'_>,
    frame: &Frame<'_>,
) -> Result<(Pixels, f64), Error> {
    let samples = Samples::new(frame);
    let values = modality_values(source, data, &samples)?;
    let mut counts = vec![0_u32; samples.count()];
    for level in samples.levels() {
        if let Some(count) = counts.get_mut(level) {
            *count = count.saturating_add(1);
        }
    }
    let padding = padding(data, &samples);
    let is_padding =
        |level: usize| padding.is_some_and(|(low, high)| (low..=high).contains(&samples.value(level)));
    let all = Values::new(&counts, &values, |_| true);
    let left = Values::new(&counts, &values, |level| !is_padding(level));
    let is_padded = left.pixels() >= LEAST_LEFT * all.pixels();
    let padded = if is_padded { (all.pixels() - left.pixels()) / all.pixels() } else { 0.0 };
    let present = if is_padded { left } else { all };
    let voi = Voi::all(data, samples.signed()).into_iter().find(|voi| present.are_shown_by(voi));
    let voi = voi.unwrap_or_else(|| without_voi(&samples, &values, &present));
    let inverted = frame.photometric == Photometric::Monochrome1;
    let table: Vec<f32> = values
        .iter()
        .enumerate()
        .map(|(level, &value)| match voi.grey(value) as f32 {
            _ if is_padded && is_padding(level) => 0.0,
            grey if inverted => 1.0 - grey,
            grey => grey,
        })
        .collect();
    let pixels = samples.levels().map(|level| table.get(level).copied().unwrap_or(0.0)).collect();
    Ok((Pixels::Values(pixels), padded))
}

/// The modality value of each level, from the Modality LUT or by rescaling. A slope of 0 would map all to one value and
/// is ignored.
fn modality_values(source: Source<'_>, data: &DataSet<'_>, samples: &Samples<'_>) -> Result<Vec<f64>, Error> {
    let values = (0..samples.count()).map(|level| samples.value(level) as f64);
    if let Some(table) = modality(source, data, samples.signed())? {
        return Ok(values.map(|value| table.at(value)).collect());
    }
    let number = |tag, otherwise| match data.decimals(tag).and_then(|numbers| numbers.first().copied()) {
        None => Ok(otherwise),
        Some(number) if number.is_finite() && number.abs() <= f64::from(f32::MAX) => Ok(number),
        Some(_) => {
            let found = format!("the element {tag} is {:?}", data.text(tag).unwrap_or_default());
            Err(source.broken(found, "a finite number"))
        }
    };
    let (slope, intercept) = (number(RESCALE_SLOPE, 1.0)?, number(RESCALE_INTERCEPT, 0.0)?);
    let (slope, intercept) = if slope == 0.0 { (1.0, 0.0) } else { (slope, intercept) };
    Ok(values.map(|value| slope * value + intercept).collect())
}

/// The range of stored values that are padding, if any.
fn padding(data: &DataSet<'_>, samples: &Samples<'_>) -> Option<(i64, i64)> {
    let value = |tag| data.integer(tag).map(|value| samples.as_stored(value));
    let first = value(PIXEL_PADDING_VALUE)?;
    let last = value(PIXEL_PADDING_RANGE_LIMIT).unwrap_or(first);
    Some((first.min(last), first.max(last)))
}

/// The VOI range of a file without a usable window: all possible values, as in other formats, or only those present if
/// they use a small part of them. Values of 8 bits or less were made for display and are not stretched.
fn without_voi(samples: &Samples<'_>, values: &[f64], present: &Values) -> Voi {
    let between = |(low, high): (f64, f64), &value: &f64| (low.min(value), high.max(value));
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), between);
    if samples.stored() <= 8 || high <= low {
        return Voi::Range(low, high);
    }
    let (first, last) = present.range();
    let tails = [first, last].map(|value| ((value - low) / (high - low)) as f32);
    if Tones::between(tails) == Tones::IDENTITY && last > first {
        Voi::Range(low, high)
    } else {
        let (first, last) = present.extent();
        Voi::Range(first, last)
    }
}
