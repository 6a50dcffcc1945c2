use std::sync::Arc;

use ikem_core::{Affine, Draw, Letterbox, Tones};

use super::blank::Blank;
use super::fill::Fill;
use super::marks::draw_marks;
use super::scan::Scan;
use super::sheet::Sheet;
use super::target::seen_column;
use super::tones::develop;
use super::view::View;
use super::{LocatingConfig, LocatingTarget};
use crate::error::Error;
use crate::overlay::Lettering;

/// A scene: S × S grey values of −1…1 with the training target.
pub(super) struct Scene {
    pub(super) image: Vec<f32>,
    pub(super) target: LocatingTarget,
}

/// Everything needed to make scenes.
pub(super) struct Studio<'a> {
    pub(super) config: &'a LocatingConfig,
    pub(super) lettering: &'a Lettering,
    /// The number of films, and a function that returns a film by its index.
    pub(super) films: usize,
    pub(super) scan: &'a dyn Fn(usize) -> Result<Arc<Scan>, Error>,
}

impl Studio<'_> {
    /// A random scene of film `index`.
    pub(super) fn scene(&self, index: usize, draw: &mut Draw) -> Result<Scene, Error> {
        let scenes = &self.config.scenes;
        if draw.happens(scenes.blank) {
            return self.blank(index, draw);
        }
        let scan = (self.scan)(index)?;
        let view = View::draw(&scan, scenes, draw);
        let fill = Fill::draw(&scenes.fills, draw, |draw| {
            let other = (self.scan)(draw.below(self.films as u64) as usize)?;
            Ok::<_, Error>(empty_part(&other, draw).map(|area| (other, area)))
        })?;
        let mirrored = matches!(fill, Fill::Mirrored);
        let view = if mirrored { view.without_second_spine(&scan) } else { view };
        self.of_film(&scan, &view, &fill, draw)
    }

    /// The scene of a film through `view`.
    pub(super) fn of_film(
        &self,
        scan: &Scan,
        view: &View,
        fill: &Fill,
        draw: &mut Draw,
    ) -> Result<Scene, Error> {
        let grid = self.config.size;
        let (frame, map) = (view.frame(grid), view.map(grid));
        let mut values = exposed(scan, &map, fill, &frame, grid);
        let spine = seen_column(scan, &map, &frame);
        let negative = self.finish(&mut values, frame, spine, draw)?;
        let target = LocatingTarget::of(scan, &map, &frame, self.config, (view.turns, negative));
        Ok(Scene { image: values, target })
    }

    /// A scene without a spine: a part of the film that shows none, or a synthetic picture.
    fn blank(&self, index: usize, draw: &mut Draw) -> Result<Scene, Error> {
        let grid = self.config.size;
        let kind = draw.below(Blank::ALL.len() as u64 + 2) as usize;
        let Some(&drawn) = Blank::ALL.get(kind) else {
            let scan = (self.scan)(index)?;
            if let Some(area) = empty_part(&scan, draw) {
                let view = View::draw_empty(area, &self.config.scenes, draw);
                let (frame, map) = (view.frame(grid), view.map(grid));
                let mut values = exposed(&scan, &map, &Fill::Edge, &frame, grid);
                let negative = self.finish(&mut values, frame, None, draw)?;
                return Ok(Scene {
                    image: values,
                    target: LocatingTarget::blank(self.config, Some(negative)),
                });
            }
            return self.drawn(Blank::Cloud, draw);
        };
        self.drawn(drawn, draw)
    }

    pub(super) fn drawn(&self, blank: Blank, draw: &mut Draw) -> Result<Scene, Error> {
        let grid = self.config.size;
        let frame = Blank::frame(draw, grid);
        let mut values = vec![0.0; grid * grid];
        blank.draw(&mut Sheet::new(&mut values, grid, frame, self.lettering)?, draw);
        let negative = self.finish(&mut values, frame, None, draw)?;
        let negative = blank.has_polarity().then_some(negative);
        Ok(Scene { image: values, target: LocatingTarget::blank(self.config, negative) })
    }

    /// Adds marks and changes of tone to a picture of 0…1, then normalizes it to −1…1 and paints the area around the
    /// frame black. Returns whether it became a negative.
    fn finish(
        &self,
        values: &mut [f32],
        frame: Letterbox,
        spine: Option<[f64; 4]>,
        draw: &mut Draw,
    ) -> Result<bool, Error> {
        let (grid, scenes) = (self.config.size, &self.config.scenes);
        draw_marks(&mut Sheet::new(values, grid, frame, self.lettering)?, scenes, spine, draw);
        let mut film: Vec<f32> = frame.rows(values, grid).flat_map(|row| row.iter().copied()).collect();
        let negative = develop(&mut film, frame.width, scenes, draw);
        Tones::normalise(&mut film);
        values.fill(-1.0);
        for (row, finished) in frame.rows(values, grid).zip(film.chunks_exact(frame.width)) {
            row.copy_from_slice(finished);
        }
        Ok(negative)
    }
}

/// Samples the scan through `map` at four positions per grid pixel, 0…1; black outside `frame`.
fn exposed(scan: &Scan, map: &Affine, fill: &Fill, frame: &Letterbox, grid: usize) -> Vec<f32> {
    let mut values = vec![0.0; grid * grid];
    let Some(back) = map.inverse() else { return values };
    let [_, _, width, height] = scan.edges().map(|edge| edge as f32);
    let sample = |x: f32, y: f32| match x >= 0.0 && x <= width && y >= 0.0 && y <= height {
        true => scan.at(x, y),
        false => fill.at(scan, x, y),
    };
    let step = [back.x_x as f32, back.y_x as f32];
    let offsets = [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)]
        .map(|(x, y)| [(back.x_x * x + back.x_y * y) as f32, (back.y_x * x + back.y_y * y) as f32]);
    for (row, line) in frame.rows(&mut values, grid).enumerate() {
        let start = back.apply([frame.left as f64 + 0.5, (frame.top + row) as f64 + 0.5]);
        let start = start.map(|axis| axis as f32);
        for (column, value) in line.iter_mut().enumerate() {
            let (x, y) = (start[0] + column as f32 * step[0], start[1] + column as f32 * step[1]);
            *value = 0.25 * offsets.iter().map(|&[dx, dy]| sample(x + dx, y + dy)).sum::<f32>();
        }
    }
    values
}

/// A random rectangle of a scan without any part of the spine, with sides of at least 15 % of the scan's and a
/// plausible aspect ratio; `None` if none was found.
pub(super) fn empty_part(scan: &Scan, draw: &mut Draw) -> Option<[f64; 4]> {
    let [_, _, width, height] = scan.edges();
    (0..40).find_map(|_| {
        let mut span = |length: f64| {
            let part = draw.within([0.15, 0.7]) * length;
            let start = draw.within([0.0, length - part]);
            [start, start + part]
        };
        let ([left, right], [top, bottom]) = (span(width), span(height));
        let aspect = (bottom - top) / (right - left);
        let film_like = (0.25..=6.0).contains(&aspect);
        Some([left, top, right, bottom]).filter(|&area| film_like && scan.is_empty(area))
    })
}
