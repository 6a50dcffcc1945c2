use plotters::prelude::*;

use super::canvas::{Area, Captions, Drawn, FONT, Plot, chart, colour, legend};
use crate::cobb::BlandAltman;
use crate::report::{Case, MeasuredAngles};

/// The Bland–Altman plot of the challenge's angles.
pub(super) struct Agreement {
    name: &'static str,
    title: &'static str,
    /// For each angle, pairs of (prediction, label) in degrees.
    pairs: [Vec<(f64, f64)>; 3],
}

impl Agreement {
    /// Of the first predictions; `None` without angles.
    pub(super) fn first(cases: &[Case]) -> Option<Self> {
        Self::new("bland-altman-first", "Cobb angles of the first prediction", cases, |case| {
            case.first_angles.as_ref()
        })
    }

    /// After the last click; `None` without angles.
    pub(super) fn last(cases: &[Case]) -> Option<Self> {
        Self::new("bland-altman-last", "Cobb angles after the last correction", cases, |case| {
            case.last_angles.as_ref()
        })
    }

    fn new(
        name: &'static str,
        title: &'static str,
        cases: &[Case],
        found: fn(&Case) -> Option<&MeasuredAngles>,
    ) -> Option<Self> {
        let both: Vec<_> = cases
            .iter()
            .filter_map(|case| Some((found(case)?.matlab, case.label_angles.as_ref()?.matlab)))
            .collect();
        let pairs = [0, 1, 2].map(|angle| both.iter().map(|(a, b)| (a[angle], b[angle])).collect());
        (!both.is_empty()).then_some(Self { name, title, pairs })
    }
}

impl Plot for Agreement {
    fn name(&self) -> &'static str {
        self.name
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        let all = self.pairs.concat();
        let reach = |value: &dyn Fn(&(f64, f64)) -> f64| 1.05 * all.iter().map(value).fold(1.0, f64::max);
        let (x, y) = (reach(&|(a, b)| (a + b) / 2.0), reach(&|(a, b)| (a - b).abs()));
        let captions = Captions {
            title: self.title,
            x: "mean of prediction and label (°)",
            y: "prediction less label (°)",
        };
        let mut chart = chart(area, &captions, 0.0..x, -y..y)?;
        for (place, pairs) in self.pairs.iter().enumerate() {
            let colour = colour(place);
            let dot = |(a, b): &(f64, f64)| Circle::new(((a + b) / 2.0, a - b), 3, colour.mix(0.6).filled());
            chart
                .draw_series(pairs.iter().map(dot))?
                .label(format!("angle {}", place + 1))
                .legend(move |(x, y)| Circle::new((x + 9, y), 4, colour.filled()));
        }
        if let Some(BlandAltman { bias, limits: [low, high], .. }) = BlandAltman::new(&all) {
            for (name, height, width) in [("bias", bias, 2), ("- 1.96 std", low, 1), ("+ 1.96 std", high, 1)]
            {
                let line = PathElement::new([(0.0, height), (x, height)], BLACK.stroke_width(width));
                chart.draw_series(std::iter::once(line))?;
                let words = format!("{name} {height:.1}°");
                let lift = 0.035 * y;
                chart.draw_series(std::iter::once(Text::new(
                    words,
                    (0.01 * x, height + lift),
                    (FONT, 13),
                )))?;
            }
        }
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    }
}
