use ikem_core::{Affine, Draw, Letterbox};

use super::SceneConfig;
use super::scan::Scan;

/// The part of a film that a scene shows, with its orientation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    /// The visible rectangle of the scan: left, top, right, bottom. It may extend beyond the scan.
    pub(super) area: [f64; 4],
    pub(super) mirrored: bool,
    /// The clockwise tilt of the film, in degrees.
    pub(super) tilt: f64,
    /// Clockwise quarter turns, 0…3.
    pub(super) turns: u8,
}

impl View {
    /// An upright view of a rectangle.
    pub(super) const fn of(area: [f64; 4]) -> Self {
        Self { area, mirrored: false, tilt: 0.0, turns: 0 }
    }

    pub(super) fn draw(scan: &Scan, config: &SceneConfig, draw: &mut Draw) -> Self {
        let whole = draw.happens(config.whole);
        let area = if whole { scan.edges() } else { around_spine(scan, config, draw) };
        let area = if draw.happens(config.cut) { cut(area, scan, draw) } else { area };
        let mirrored = draw.happens(config.mirror);
        let widest = config.widest_tilt;
        let wide = draw.happens(config.wide_tilt);
        let tilt = if wide { draw.within([-widest, widest]) } else { config.tilt * draw.bounded_normal() };
        Self { area, mirrored, tilt, turns: turns(config, draw) }
    }

    /// A random view of a part without a spine. Turned and mirrored but not tilted, which would show more than that
    /// part.
    pub(super) fn draw_empty(area: [f64; 4], config: &SceneConfig, draw: &mut Draw) -> Self {
        Self { mirrored: draw.happens(config.mirror), turns: turns(config, draw), ..Self::of(area) }
    }

    /// Limits the view to the left and right so that a film mirrored at its edges does not show its spine again, which
    /// would be indistinguishable from the real one.
    pub(super) fn without_second_spine(self, scan: &Scan) -> Self {
        let [_, _, width, _] = scan.edges();
        let ([from, _, to, _], _) = scan.spine();
        let [left, top, right, bottom] = self.area;
        let (beside, beyond) = (from.max(0.0), (width - to).max(0.0));
        Self { area: [left.max(-beside), top, right.min(width + beyond), bottom], ..self }
    }

    /// Width and height as displayed.
    fn seen(&self) -> [f64; 2] {
        let [left, top, right, bottom] = self.area;
        let (width, height) = (right - left, bottom - top);
        if self.turns % 2 == 1 { [height, width] } else { [width, height] }
    }

    /// The frame of the view on the grid.
    pub(super) fn frame(&self, grid: usize) -> Letterbox {
        let [width, height] = self.seen();
        Letterbox::new(width, height, grid)
    }

    /// The affine map from the scan to the grid, both measured from their outer edges.
    pub(super) fn map(&self, grid: usize) -> Affine {
        let [left, top, right, bottom] = self.area;
        let (sin, cos) = libm::sincos(self.tilt.to_radians());
        let turned = match self.turns % 4 {
            0 => Affine::IDENTITY,
            1 => turn(0.0, 1.0),
            2 => turn(-1.0, 0.0),
            _ => turn(0.0, -1.0),
        };
        let [width, height] = self.seen();
        Affine::shift(-0.5 * (left + right), -0.5 * (top + bottom))
            .then(Affine::stretch(if self.mirrored { -1.0 } else { 1.0 }, 1.0))
            .then(turn(cos, sin))
            .then(turned)
            .then(Affine::shift(0.5 * width, 0.5 * height))
            .then(self.frame(grid).map(width, height))
    }
}

/// A clockwise rotation (y points down).
const fn turn(cos: f64, sin: f64) -> Affine {
    Affine { x_x: cos, x_y: -sin, x_1: 0.0, y_x: sin, y_y: cos, y_1: 0.0 }
}

fn turns(config: &SceneConfig, draw: &mut Draw) -> u8 {
    if draw.happens(config.turned) { 1 + draw.below(3) as u8 } else { 0 }
}

fn around_spine(scan: &Scan, config: &SceneConfig, draw: &mut Draw) -> [f64; 4] {
    let ([left, top, right, bottom], length) = scan.spine();
    let (above, below) = match draw.happens(config.tight) {
        true => ([0.02, 0.08], [0.04, 0.15]),
        false => ([0.02, 0.9], [0.02, 0.9]),
    };
    let mut some = |range| length * draw.within(range);
    [left - some([0.1, 0.9]), top - some(above), right + some([0.1, 0.9]), bottom + some(below)]
}

/// Crops `area` to cut 5 to 35 % of the spine off at one end.
fn cut([left, top, right, bottom]: [f64; 4], scan: &Scan, draw: &mut Draw) -> [f64; 4] {
    let ([_, upper, _, lower], _) = scan.spine();
    let part = draw.within([0.05, 0.35]) * (lower - upper);
    match draw.happens(0.5) {
        true => [left, upper + part, right, bottom.max(lower)],
        false => [left, top.min(upper), right, lower - part],
    }
}
