//! Interpretation of the locator's maps and answers.

use ikem_core::{Error, Frame, Point, Size};

use super::{LOCATOR_STRIDE, LocatorConfig};

/// The probability from which on a pixel belongs to the column.
const COLUMN: f32 = 0.5;
/// The peak from which on an end of the column counts as seen.
const END: f32 = 0.2;
/// The distance from its peak up to which pixels count for an end's centroid, in pixels of the map.
const REACH: usize = 2;
/// The fewest pixels of a column.
const FEWEST: usize = 6;

/// The maps as probabilities, and the answers.
#[derive(Debug)]
pub(super) struct Reading {
    maps: Vec<f32>,
    answers: Vec<f32>,
    /// Width and height of a map.
    side: usize,
}

/// A column on the locator's grid, in pixels from the grid's outer edges.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    top: [f64; 2],
    bottom: [f64; 2],
    /// Left and right edges of the pixels between the ends.
    sides: Vec<[f64; 2]>,
}

impl Reading {
    /// The reading of logits: three maps and six answers.
    pub(super) fn new(maps: &[f32], answers: &[f32], config: LocatorConfig) -> Self {
        let maps = maps.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
        Self { maps, answers: answers.to_vec(), side: config.map_size() }
    }

    /// The number of quarter turns clockwise by which the film is turned.
    pub(super) fn turns(&self) -> usize {
        let turns = self.answers.iter().take(4).enumerate();
        turns.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(turns, _)| turns)
    }

    /// Whether the film is a negative.
    pub(super) fn negative(&self) -> bool {
        self.answers.get(4).is_some_and(|&logit| logit > 0.0)
    }

    /// The confidence that there is a spine.
    pub(super) fn spine(&self) -> f32 {
        self.answers.get(5).map_or(0.0, |logit| 1.0 / (1.0 + (-logit).exp()))
    }

    /// The column: its largest connected part, from its upper to its lower end if these are seen, else from its first
    /// to its last row.
    pub(super) fn column(&self) -> Option<Column> {
        let cells = self.largest_part();
        if cells.len() < FEWEST {
            return None;
        }
        let stride = LOCATOR_STRIDE as f64;
        let rows = || cells.iter().map(|cell| cell / self.side);
        let (first, last) = (rows().min()?, rows().max()?);
        let middle = |row: usize| {
            let columns: Vec<f64> = cells
                .iter()
                .filter(|&&cell| cell / self.side == row)
                .map(|&cell| (cell % self.side) as f64 + 0.5)
                .collect();
            stride * columns.iter().sum::<f64>() / columns.len() as f64
        };
        let top = self.end(1).unwrap_or([middle(first), stride * first as f64]);
        let bottom = self.end(2).unwrap_or([middle(last), stride * (last + 1) as f64]);
        if bottom[1] - top[1] < stride * FEWEST as f64 {
            return None;
        }
        let between = |cell: &&usize| {
            let y = stride * ((*cell / self.side) as f64 + 0.5);
            (top[1]..=bottom[1]).contains(&y)
        };
        let edges = |cell: &usize| {
            let y = stride * ((cell / self.side) as f64 + 0.5);
            let x = (cell % self.side) as f64;
            [[stride * x, y], [stride * (x + 1.0), y]]
        };
        Some(Column { top, bottom, sides: cells.iter().filter(between).flat_map(edges).collect() })
    }

    /// The pixels of the largest part of the column; pixels that touch, also at corners, belong to one part.
    fn largest_part(&self) -> Vec<usize> {
        let side = self.side;
        let column = self.maps.get(..side * side).unwrap_or_default();
        let mut open: Vec<bool> = column.iter().map(|&value| value >= COLUMN).collect();
        let mut largest = Vec::new();
        for start in 0..open.len() {
            if !std::mem::take(&mut open[start]) {
                continue;
            }
            let mut part = vec![start];
            let mut next = 0;
            while let Some(&cell) = part.get(next) {
                next += 1;
                let (x, y) = (cell % side, cell / side);
                for row in y.saturating_sub(1)..(y + 2).min(side) {
                    for column in x.saturating_sub(1)..(x + 2).min(side) {
                        let neighbour = row * side + column;
                        if std::mem::take(&mut open[neighbour]) {
                            part.push(neighbour);
                        }
                    }
                }
            }
            if part.len() > largest.len() {
                largest = part;
            }
        }
        largest
    }

    /// The position of the end that map `number` shows, if it shows one: the centroid around its peak.
    fn end(&self, number: usize) -> Option<[f64; 2]> {
        let side = self.side;
        let map = self.maps.get(number * side * side..(number + 1) * side * side)?;
        let (peak, &height) = map.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        if height < END {
            return None;
        }
        let (x, y) = (peak % side, peak / side);
        let (mut mass, mut sum) = (0.0, [0.0; 2]);
        for row in y.saturating_sub(REACH)..(y + REACH + 1).min(side) {
            for column in x.saturating_sub(REACH)..(x + REACH + 1).min(side) {
                let value = f64::from(map[row * side + column]);
                mass += value;
                sum[0] += value * (column as f64 + 0.5);
                sum[1] += value * (row as f64 + 0.5);
            }
        }
        Some(sum.map(|sum| LOCATOR_STRIDE as f64 * sum / mass))
    }
}

impl Column {
    /// The frame around the column on the film that was seen in `view` on a grid of `size` pixels.
    ///
    /// # Errors
    /// [`Error::Frame`] if there is none.
    pub(super) fn frame(&self, view: &Frame, size: usize) -> Result<Frame, Error> {
        let back =
            view.affine(Size::new(size, size)).inverse().ok_or_else(|| Error::Frame(view.to_string()))?;
        let on_film = |place: &[f64; 2]| {
            let [x, y] = back.apply(*place);
            Point::new((x - 0.5) as f32, (y - 0.5) as f32)
        };
        let sides: Vec<Point> = self.sides.iter().map(on_film).collect();
        Frame::around(on_film(&self.top), on_film(&self.bottom), &sides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: LocatorConfig = LocatorConfig { size: 64, width: 1 };

    /// A column two pixels wide from row 3 to row 12, a spot apart from it, and ends where they are given, (column,
    /// row).
    fn maps(top: Option<(usize, usize)>, bottom: Option<(usize, usize)>) -> Vec<f32> {
        let mut maps = vec![-9.0; 3 * 256];
        for row in 3..=12 {
            maps[row * 16 + 7] = 9.0;
            maps[row * 16 + 8] = 9.0;
        }
        maps[15 * 16 + 1] = 9.0;
        for (map, end) in [(1, top), (2, bottom)] {
            if let Some((column, row)) = end {
                maps[map * 256 + row * 16 + column] = 3.0;
            }
        }
        maps
    }

    fn column(top: Option<(usize, usize)>, bottom: Option<(usize, usize)>) -> Option<Column> {
        Reading::new(&maps(top, bottom), &[0.0; 6], CONFIG).column()
    }

    #[test]
    fn ends_are_read_from_their_maps_or_from_the_column() {
        let from_column = column(None, None).expect("a column");
        assert_eq!((from_column.top, from_column.bottom), ([32.0, 12.0], [32.0, 52.0]));
        assert_eq!(from_column.sides.len(), 40);
        let seen = column(Some((7, 4)), Some((8, 11))).expect("a column");
        for (found, expected) in [(seen.top, [30.0, 18.0]), (seen.bottom, [34.0, 46.0])] {
            assert!(
                (found[0] - expected[0]).abs() < 0.2 && (found[1] - expected[1]).abs() < 0.2,
                "{found:?}"
            );
        }
        // Rows 4 to 11 lie between them.
        assert_eq!(seen.sides.len(), 32);
        assert_eq!(column(Some((7, 11)), Some((7, 4))), None, "upside down is no column");
    }

    #[test]
    fn a_speck_is_no_column() {
        let mut maps = vec![-9.0; 3 * 256];
        maps[40] = 9.0;
        assert_eq!(Reading::new(&maps, &[0.0; 6], CONFIG).column(), None);
        assert_eq!(Reading::new(&[], &[], CONFIG).column(), None);
    }

    #[test]
    fn answers_are_read_in_order() {
        let reading = |answers: [f32; 6]| Reading::new(&maps(None, None), &answers, CONFIG);
        let found = reading([0.0, -1.0, 2.0, 1.0, -3.0, 0.0]);
        assert_eq!((found.turns(), found.negative(), found.spine()), (2, false, 0.5));
        assert!(reading([0.0, 0.0, 0.0, 0.0, 1.0, 0.0]).negative());
    }

    #[test]
    fn a_column_is_framed_on_its_film() {
        let film = Size::new(400, 1000);
        let view = super::super::letterbox(&Frame::whole(film), 64);
        let frame = column(None, None).and_then(|c| c.frame(&view, 64).ok()).expect("a frame");
        // A pixel of the grid is 15.625 of the film.
        assert!((frame.center()[0] - 200.0).abs() < 1.0, "{frame}");
        let (top, bottom) = (12.0 * 15.625, 52.0 * 15.625);
        let length = bottom - top;
        assert!((frame.height() - 1.12 * length).abs() < 1.0, "{frame}");
        assert!((frame.center()[1] - 0.5 * frame.height() - (top - 0.04 * length)).abs() < 1.0, "{frame}");
    }
}
