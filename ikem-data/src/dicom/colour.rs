//! Conversion of colour samples to luma.

use super::data_set::DataSet;
use super::frame::{Frame, Photometric};
use super::lookup::Lookup;
use super::samples::Samples;
use super::source::Source;
use super::tags::{PALETTE_DATA, PALETTE_DESCRIPTORS};
use crate::decoded::{Pixels, luma};
use crate::error::Error;

/// The luma of a colour frame with `area` pixels. YBR frames store it directly.
pub(super) fn pixels(frame: &Frame<'_>, area: usize) -> Pixels {
    let samples = Samples::new(frame);
    let full = (samples.count() - 1) as f32;
    let grey = |level: usize| level as f32 / full;
    match (frame.photometric, frame.planar) {
        (Photometric::Ybr, true) => Pixels::Values(samples.levels().take(area).map(grey).collect()),
        (Photometric::Ybr, false) => {
            Pixels::Values(samples.levels().step_by(3).take(area).map(grey).collect())
        }
        (Photometric::Ybr422, _) => {
            let lumas = samples.levels().enumerate().filter(|(index, _)| index % 4 < 2);
            Pixels::Values(lumas.map(|(_, level)| grey(level)).take(area).collect())
        }
        (_, planar) => {
            let levels: Vec<f32> = samples.levels().take(3 * area).map(|level| level as f32).collect();
            if planar {
                let (reds, rest) = levels.split_at(area.min(levels.len()));
                let (greens, blues) = rest.split_at(area.min(rest.len()));
                luma(reds.iter().zip(greens).zip(blues).map(|((&r, &g), &b)| [r, g, b]), full)
            } else {
                luma(levels.chunks_exact(3).filter_map(|colour| <[f32; 3]>::try_from(colour).ok()), full)
            }
        }
    }
}

/// The luma of a palette colour frame.
pub(super) fn palette(source: Source<'_>, data: &DataSet<'_>, frame: &Frame<'_>) -> Result<Pixels, Error> {
    let samples = Samples::new(frame);
    let mut tables = Vec::new();
    for (descriptor, values) in PALETTE_DESCRIPTORS.into_iter().zip(PALETTE_DATA) {
        let table = Lookup::read(data, descriptor, values, samples.signed()).ok_or_else(|| {
            let found = "a DICOM file whose palette is missing or segmented";
            source.unsupported(found, "convert it to MONOCHROME2 or RGB")
        })?;
        tables.push(table);
    }
    let colours = (0..samples.count()).map(|level| {
        let mut colour = [0.0; 3];
        for (value, table) in colour.iter_mut().zip(&tables) {
            *value = (table.at(samples.value(level) as f64) / table.full) as f32;
        }
        colour
    });
    let Pixels::Values(table) = luma(colours, 1.0) else { return Ok(Pixels::Values(Vec::new())) };
    Ok(Pixels::Values(samples.levels().map(|level| table.get(level).copied().unwrap_or(0.0)).collect()))
}
