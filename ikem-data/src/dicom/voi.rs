//! Values of interest: windows and lookup tables that map values to grey (PS3.3, C.11.2).

use super::data_set::DataSet;
use super::lookup::Lookup;
use super::tags::{LUT_DATA, LUT_DESCRIPTOR, VOI_LUT_FUNCTION, WINDOW_CENTER, WINDOW_WIDTH};

/// The most windows and tables tried.
const MOST: usize = 16;

/// The VOI LUT function of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    Linear,
    LinearExact,
    Sigmoid,
}

/// A mapping from values to grey.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Voi {
    Window {
        centre: f64,
        width: f64,
        function: Function,
    },
    Table(Lookup),
    /// A linear ramp from black to white.
    Range(f64, f64),
}

impl Voi {
    /// The usable VOI LUTs and windows of a data set, tables first. Leaves out windows that are not numbers or too
    /// narrow.
    pub(super) fn all(data: &DataSet<'_>, signed: bool) -> Vec<Self> {
        let tables = data.voi_luts().iter();
        let tables =
            tables.filter_map(|item| Lookup::read(item, LUT_DESCRIPTOR, LUT_DATA, signed)).map(Self::Table);
        let name = data.text(VOI_LUT_FUNCTION).unwrap_or_default().to_ascii_uppercase();
        let (function, least) = match name.as_str() {
            "SIGMOID" => (Function::Sigmoid, f64::MIN_POSITIVE),
            "LINEAR_EXACT" => (Function::LinearExact, f64::MIN_POSITIVE),
            _ => (Function::Linear, 1.0),
        };
        let [centres, widths] =
            [WINDOW_CENTER, WINDOW_WIDTH].map(|tag| data.decimals(tag).unwrap_or_default());
        let windows = centres
            .into_iter()
            .zip(widths)
            .filter(|(centre, width)| centre.is_finite() && width.is_finite() && *width >= least);
        let windows = windows.map(|(centre, width)| Self::Window { centre, width, function });
        tables.chain(windows).take(MOST).collect()
    }

    /// Maps a value to grey, 0…1.
    pub(super) fn grey(&self, value: f64) -> f64 {
        let grey = match self {
            &Self::Window { centre, width, function: Function::Linear } => {
                let offset = value - (centre - 0.5);
                let half = (width - 1.0) / 2.0;
                if offset <= -half {
                    0.0
                } else if offset > half {
                    1.0
                } else {
                    offset / (width - 1.0) + 0.5
                }
            }
            &Self::Window { centre, width, function: Function::LinearExact } => {
                (value - centre) / width + 0.5
            }
            &Self::Window { centre, width, function: Function::Sigmoid } => {
                1.0 / (1.0 + libm::exp(-4.0 * (value - centre) / width))
            }
            Self::Table(table) => table.at(value) / table.full,
            &Self::Range(low, high) if high > low => (value - low) / (high - low),
            Self::Range(..) => 0.0,
        };
        grey.clamp(0.0, 1.0)
    }

    /// The range of values that a window covers; `None` for a table.
    pub(super) fn between(&self) -> Option<(f64, f64)> {
        match *self {
            Self::Window { centre, width, .. } => Some((centre - width / 2.0, centre + width / 2.0)),
            Self::Range(low, high) => Some((low, high)),
            Self::Table(_) => None,
        }
    }

    /// The grey values at which clipping begins.
    pub(super) fn ends(&self) -> [f64; 2] {
        /// A sigmoid only approaches 0 and 1.
        const NEAR: f64 = 0.005;
        match self {
            Self::Window { function: Function::Sigmoid, .. } => [NEAR, 1.0 - NEAR],
            Self::Table(table) => table.range().map(|value| value / table.full),
            _ => [0.0, 1.0],
        }
    }
}
