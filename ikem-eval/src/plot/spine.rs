use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, Chart, Drawn, FONT, Plot, colour, top};
use crate::report::Figures;

/// The mean error of every corner as a bar beside its vertebra, before and after the corrections.
pub(super) struct KeypointErrors<'a> {
    names: &'a [String],
    /// For each vertebra and corner, the errors of the first and the last state.
    errors: Vec<[(f64, f64); 4]>,
}

impl<'a> KeypointErrors<'a> {
    /// `None` unless every vertebra has four keypoints.
    pub(super) fn new(figures: &'a Figures) -> Option<Self> {
        let keypoints = &figures.keypoints;
        // A keypoint that is seen nowhere has no bar.
        let length = |error: &f64| if error.is_nan() { 0.0 } else { *error };
        let both: Vec<(f64, f64)> =
            keypoints.first.iter().map(length).zip(keypoints.last.iter().map(length)).collect();
        let (errors, rest) = both.as_chunks::<4>();
        let names = figures.vertebrae.names.as_slice();
        let fits = !names.is_empty() && errors.len() == names.len() && rest.is_empty();
        fits.then(|| Self { names, errors: errors.to_vec() })
    }

    /// The bars on one side of the spine, with the axis pointing away from it. Row n is at y = −n.
    fn side<B: DrawingBackend>(&self, area: &Area<B>, left: bool, reach: f64) -> Drawn<B> {
        let sign = if left { -1.0 } else { 1.0 };
        let x = if left { -reach..0.0 } else { 0.0..reach };
        let mut chart: Chart<'_, B> = ChartBuilder::on(area)
            .margin(8)
            .margin_top(MARGIN_TOP)
            .x_label_area_size(LABELS)
            .build_cartesian_2d(x, -(self.errors.len() as f64)..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .x_desc(if left {
                "left corners, error (px of the image)"
            } else {
                "right corners, error (px of the image)"
            })
            .x_label_formatter(&|value| format!("{}", value.abs()))
            .label_style((FONT, 14))
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .draw()?;
        for (row, corners) in self.errors.iter().enumerate() {
            let [upper, lower] = if left { [corners[0], corners[2]] } else { [corners[1], corners[3]] };
            for (shift, (first, last)) in [(0.16, upper), (0.52, lower)] {
                let high = -(row as f64) - shift;
                let bar = |error: f64, inset: f64, shade: f64| {
                    Rectangle::new(
                        [(0.0, high - inset), (sign * error, high - 0.32 + inset)],
                        colour(0).mix(shade).filled(),
                    )
                };
                chart.draw_series([bar(first, 0.0, 0.3), bar(last, 0.07, 1.0)])?;
            }
        }
        Ok(())
    }

    fn bones<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let mut chart: Chart<'_, B> = ChartBuilder::on(area)
            .margin(8)
            .margin_top(MARGIN_TOP)
            .margin_bottom(8 + LABELS)
            .build_cartesian_2d(-1.0..1.0, -(self.errors.len() as f64)..0.0)?;
        let count = self.names.len() as f64;
        let middle = Pos::new(HPos::Center, VPos::Center);
        for (row, name) in self.names.iter().enumerate() {
            // Lower vertebrae are wider.
            let half = 0.5 + 0.3 * row as f64 / count;
            let (high, low) = (-(row as f64) - 0.14, -(row as f64) - 0.86);
            let outline = [(-half, high), (half, high), (half, low), (-half, low), (-half, high)];
            chart.draw_series(std::iter::once(Polygon::new(outline, RGBColor(240, 236, 226))))?;
            chart.draw_series(std::iter::once(PathElement::new(outline, BLACK.mix(0.6))))?;
            let style = TextStyle::from((FONT, 14).into_font()).pos(middle);
            chart.draw_series(std::iter::once(Text::new(name.clone(), (0.0, (high + low) / 2.0), style)))?;
        }
        Ok(())
    }
}

/// The margins above the three parts and below the bars, for their axes, in pixels.
const MARGIN_TOP: u32 = 8;
const LABELS: u32 = 44;

impl Plot for KeypointErrors<'_> {
    fn name(&self) -> &'static str {
        "keypoint-errors"
    }

    fn size(&self) -> (u32, u32) {
        (900, 900)
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let all = self.errors.iter().flatten().flat_map(|(first, last)| [*first, *last]);
        let reach = 1.05 * top(all, std::iter::empty());
        let title = "Error by keypoint: first prediction (light), after the last correction (dark)";
        let area = area.margin(10, 0, 0, 0).titled(title, (FONT, 18))?;
        let (left, rest) = area.split_horizontally(400);
        let (middle, right) = rest.split_horizontally(100);
        self.side(&left, true, reach)?;
        self.bones(&middle)?;
        self.side(&right, false, reach)
    }
}
