use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::bootstrap::Interval;
use crate::error::Error;
use crate::report::write;

pub(super) type Area<B> = DrawingArea<B, Shift>;
pub(super) type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(super) type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// The only font, built in so that plots look the same on machines without fonts.
pub(super) const FONT: &str = "sans-serif";

/// A colour-blind safe palette (Okabe and Ito 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// The colour of the nth thing.
pub(super) fn colour(place: usize) -> RGBColor {
    COLOURS[place % COLOURS.len()]
}

/// A plot, independent of the drawing backend.
pub(super) trait Plot {
    /// The name of its files.
    fn name(&self) -> &'static str;
    /// Its width and height in pixels.
    fn size(&self) -> (u32, u32) {
        (900, 560)
    }
    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B>;
}

/// Writes a plot as SVG and as PNG.
pub(super) fn save(plot: &impl Plot, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let name = plot.name();
    let failed = |source| Error::Drawing { name, source };
    if !has_font() {
        return Err(failed("the built-in font cannot be read".into()));
    }
    let files = [folder.join(format!("{name}.svg")), folder.join(format!("{name}.png"))];

    let mut svg = String::new();
    drawn(plot, SVGBackend::with_string(&mut svg, plot.size())).map_err(failed)?;
    write(&files[0], svg.as_bytes())?;

    let (width, height) = plot.size();
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    drawn(plot, BitMapBackend::with_buffer(&mut pixels, plot.size())).map_err(failed)?;
    write(&files[1], &png(pixels, plot.size()).map_err(failed)?)?;
    Ok(files.into())
}

/// An error of the plotting or the image library.
type LibraryError = Box<dyn std::error::Error + Send + Sync>;

fn drawn<B: DrawingBackend<ErrorType: 'static>>(plot: &impl Plot, backend: B) -> Result<(), LibraryError> {
    let area = backend.into_drawing_area();
    area.fill(&WHITE)?;
    plot.draw(&area)?;
    Ok(area.present()?)
}

fn png(pixels: Vec<u8>, (width, height): (u32, u32)) -> Result<Vec<u8>, LibraryError> {
    let image = image::RgbImage::from_raw(width, height, pixels).ok_or("the bitmap is of another size")?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

fn has_font() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_ok())
}

/// The captions of a chart.
pub(super) struct Captions<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
}

/// A chart with axes and grid; integers have no decimals.
pub(super) fn chart<'a, B: DrawingBackend>(
    area: &'a Area<B>,
    captions: &Captions<'_>,
    x: Range<f64>,
    y: Range<f64>,
) -> Result<Chart<'a, B>, DrawingAreaErrorKind<B::ErrorType>> {
    let mut chart = ChartBuilder::on(area)
        .caption(captions.title, (FONT, 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(58)
        .build_cartesian_2d(x, y)?;
    let number = |value: &f64| format!("{}", (value * 100.0).round() / 100.0);
    chart
        .configure_mesh()
        .x_desc(captions.x)
        .y_desc(captions.y)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .label_style((FONT, 14))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    Ok(chart)
}

/// A line with markers, a legend entry and a shaded confidence interval.
pub(super) struct Line<'a> {
    pub name: String,
    pub colour: RGBColor,
    pub points: Vec<(f64, f64)>,
    pub intervals: &'a [Option<Interval>],
    /// Radius of the points in pixels.
    pub marker: u32,
}

impl Line<'_> {
    pub(super) fn draw<'a, B: DrawingBackend + 'a>(&self, chart: &mut Chart<'a, B>) -> Drawn<B> {
        let colour = self.colour;
        let known = || {
            self.points
                .iter()
                .zip(self.intervals)
                .filter_map(|(point, interval)| Some((point.0, (*interval)?)))
        };
        let upper = known().map(|(x, [_, high])| (x, high));
        let mut outline: Vec<(f64, f64)> = known().map(|(x, [low, _])| (x, low)).collect();
        outline.reverse();
        let outline: Vec<(f64, f64)> = upper.chain(outline).collect();
        if outline.len() > 2 {
            chart.draw_series(std::iter::once(Polygon::new(outline, colour.mix(0.15))))?;
        }
        chart
            .draw_series(LineSeries::new(self.points.iter().copied(), colour.stroke_width(2)))?
            .label(&self.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        if self.marker > 0 {
            let dot = |point: &(f64, f64)| Circle::new(*point, self.marker, colour.filled());
            chart.draw_series(self.points.iter().map(dot))?;
        }
        Ok(())
    }
}

/// Adds the legend.
pub(super) fn legend<'a, B: DrawingBackend + 'a>(
    chart: &mut Chart<'a, B>,
    place: SeriesLabelPosition,
) -> Drawn<B> {
    chart
        .configure_series_labels()
        .position(place)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 14))
        .draw()
}

/// The largest of the values and of the upper bounds of the intervals; 1 if none is positive.
pub(super) fn top<'a>(
    values: impl Iterator<Item = f64>,
    intervals: impl Iterator<Item = &'a Option<Interval>>,
) -> f64 {
    let highest =
        values.chain(intervals.flatten().map(|interval| interval[1])).filter(|value| value.is_finite());
    let highest = highest.fold(0.0, f64::max);
    if highest > 0.0 { highest } else { 1.0 }
}
