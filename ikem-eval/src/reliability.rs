//! The reliability of measurements by several raters.

/// The intraclass correlation ICC(2,1) of Shrout and Fleiss (1979): absolute agreement of single ratings, of raters who are a random
/// sample of all raters. `ratings` has a row for each subject, with the rating of each rater.
///
/// `None` unless there are at least two subjects and two raters, each subject was rated by all, and ratings differ.
///
/// ```
/// // Table 2 of Shrout and Fleiss: six subjects, four judges.
/// let ratings = [[9.0, 2.0, 5.0, 8.0], [6.0, 1.0, 3.0, 2.0], [8.0, 4.0, 6.0, 8.0], [7.0, 1.0, 2.0, 6.0],
///     [10.0, 5.0, 6.0, 9.0], [6.0, 2.0, 4.0, 7.0]];
/// let icc = ikem_eval::icc_2_1(&ratings).expect("a table");
/// assert_eq!(format!("{icc:.2}"), "0.29");
/// ```
#[must_use]
pub fn icc_2_1<R: AsRef<[f64]>>(ratings: &[R]) -> Option<f64> {
    let Squares { subjects, raters, between_subjects, between_raters, residual } = Squares::of(ratings)?;
    let scale =
        between_subjects + (raters - 1.0) * residual + raters * (between_raters - residual) / subjects;
    Some((between_subjects - residual) / scale).filter(|icc| icc.is_finite())
}

/// The mean squares of a two-way analysis of variance without repeated ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Squares {
    subjects: f64,
    raters: f64,
    between_subjects: f64,
    between_raters: f64,
    residual: f64,
}

impl Squares {
    fn of<R: AsRef<[f64]>>(ratings: &[R]) -> Option<Self> {
        let rows: Vec<&[f64]> = ratings.iter().map(AsRef::as_ref).collect();
        let count = rows.first()?.len();
        if rows.len() < 2 || count < 2 || rows.iter().any(|row| row.len() != count) {
            return None;
        }
        let (subjects, raters) = (rows.len() as f64, count as f64);
        let total = rows.iter().flat_map(|row| row.iter()).sum::<f64>() / (subjects * raters);
        let row_means: Vec<f64> = rows.iter().map(|row| row.iter().sum::<f64>() / raters).collect();
        let column_mean = |rater: usize| rows.iter().filter_map(|row| row.get(rater)).sum::<f64>() / subjects;
        let column_means: Vec<f64> = (0..count).map(column_mean).collect();
        let squares = |means: &[f64]| means.iter().map(|mean| (mean - total).powi(2)).sum::<f64>();
        let residual = |(row, row_mean): (&&[f64], &f64)| {
            let columns = row.iter().zip(&column_means);
            columns
                .map(|(rating, column_mean)| (rating - row_mean - column_mean + total).powi(2))
                .sum::<f64>()
        };
        let residuals: f64 = rows.iter().zip(&row_means).map(residual).sum();
        Some(Self {
            subjects,
            raters,
            between_subjects: raters * squares(&row_means) / (subjects - 1.0),
            between_raters: subjects * squares(&column_means) / (raters - 1.0),
            residual: residuals / ((subjects - 1.0) * (raters - 1.0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shrout and Fleiss 1979, tables 2 and 3.
    #[test]
    fn the_published_example() {
        let ratings = [
            [9.0, 2.0, 5.0, 8.0],
            [6.0, 1.0, 3.0, 2.0],
            [8.0, 4.0, 6.0, 8.0],
            [7.0, 1.0, 2.0, 6.0],
            [10.0, 5.0, 6.0, 9.0],
            [6.0, 2.0, 4.0, 7.0],
        ];
        let squares = Squares::of(&ratings).expect("a table");
        let two = |value: f64| format!("{value:.2}");
        assert_eq!(
            [squares.between_subjects, squares.between_raters, squares.residual].map(two),
            ["11.24", "32.49", "1.02"]
        );
        assert_eq!(icc_2_1(&ratings).map(two).as_deref(), Some("0.29"));
    }

    #[test]
    fn agreement_is_absolute() {
        assert_eq!(icc_2_1(&[[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]]), Some(1.0));
        // Mean squares 32, 6 and 0: 32 / (32 + 2 · 6 / 3).
        let off = icc_2_1(&[[1.0, 3.0], [5.0, 7.0], [9.0, 11.0]]).expect("a value");
        assert!((off - 32.0 / 36.0).abs() < 1e-12, "{off}");
        // Opposite ratings: mean squares 0, 0 and 2: -2 / (2 - 2 · 2 / 3).
        let opposite = icc_2_1(&[[1.0, 3.0], [3.0, 1.0], [2.0, 2.0]]).expect("a value");
        assert!((opposite + 3.0).abs() < 1e-12, "{opposite}");
    }

    #[test]
    fn too_few_ratings_have_no_correlation() {
        assert_eq!(icc_2_1::<[f64; 2]>(&[]), None);
        assert_eq!(icc_2_1(&[[1.0, 2.0]]), None);
        assert_eq!(icc_2_1(&[[1.0], [2.0]]), None);
        assert_eq!(icc_2_1(&[vec![1.0, 2.0], vec![1.0]]), None);
        assert_eq!(icc_2_1(&[[3.0, 3.0], [3.0, 3.0]]), None);
    }
}
