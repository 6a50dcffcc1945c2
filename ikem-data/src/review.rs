//! What a person says of the points of a film.

use ikem_core::Skeleton;
use serde::{Deserialize, Serialize};

/// What a person thinks of the points of a film.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing yet.
    #[default]
    Open,
    /// They are right.
    Accepted,
    /// The film cannot be used, for this reason.
    Unusable(String),
}

impl Verdict {
    /// Its name in tables: `open`, `accepted` or `unusable`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Unusable(_) => "unusable",
        }
    }

    /// The verdict of a name in tables; `reason` is why a film is unusable.
    pub(crate) fn named(name: &str, reason: &str) -> Option<Self> {
        match name {
            "open" => Some(Self::Open),
            "accepted" => Some(Self::Accepted),
            "unusable" => Some(Self::Unusable(reason.to_owned())),
            _ => None,
        }
    }

    /// The reason why the film cannot be used.
    #[must_use]
    pub fn unusable(&self) -> Option<&str> {
        match self {
            Self::Unusable(reason) => Some(reason),
            _ => None,
        }
    }
}

/// What a person says of the points of a film, beside correcting them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Review {
    /// Whether the points are right.
    #[serde(default)]
    pub verdict: Verdict,
    /// The end vertebrae of curves that the person chose, by name: the upper and the lower one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<[String; 2]>,
}

impl Review {
    /// A verdict and the end vertebrae of curves, which are indices into the vertebrae of `skeleton`; others are left out.
    #[must_use]
    pub fn new(verdict: Verdict, ends: &[[usize; 2]], skeleton: &Skeleton) -> Self {
        let name = |index: usize| skeleton.vertebrae().get(index).map(|vertebra| vertebra.name.clone());
        let ends = ends.iter().filter_map(|[upper, lower]| Some([name(*upper)?, name(*lower)?]));
        Self { verdict, ends: ends.collect() }
    }

    /// The end vertebrae as indices into the vertebrae of `skeleton`; the error is the name of one that it has not.
    ///
    /// # Errors
    /// The unknown name.
    pub fn end_indices(&self, skeleton: &Skeleton) -> Result<Vec<[usize; 2]>, String> {
        let index = |name: &String| {
            let found = skeleton.vertebrae().iter().position(|vertebra| vertebra.name == *name);
            found.ok_or_else(|| name.clone())
        };
        self.ends.iter().map(|[upper, lower]| Ok([index(upper)?, index(lower)?])).collect()
    }

    /// The end vertebrae as the cell of a table: `T3-T9; T9-L2`.
    pub(crate) fn ends_in_words(&self) -> String {
        self.ends.iter().map(|ends| ends.join("-")).collect::<Vec<_>>().join("; ")
    }

    /// The end vertebrae of the cell of a table.
    pub(crate) fn ends_of_words(text: &str) -> Option<Vec<[String; 2]>> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (upper, lower) = part.split_once('-')?;
            let both = [upper.trim(), lower.trim()];
            both.iter().all(|name| !name.is_empty()).then(|| both.map(str::to_owned))
        };
        parts.map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_have_names_and_indices() {
        let spine = Skeleton::spine();
        let review = Review::new(Verdict::Accepted, &[[2, 8], [8, 13]], &spine);
        assert_eq!(review.ends_in_words(), "T3-T9; T9-L2");
        assert_eq!(Review::ends_of_words(" T3 - T9;T9-L2; "), Some(review.ends.clone()));
        assert_eq!(review.end_indices(&spine), Ok(vec![[2, 8], [8, 13]]));
        assert_eq!(Review::ends_of_words(""), Some(Vec::new()));
        assert_eq!((Review::ends_of_words("T3"), Review::ends_of_words("T3-")), (None, None));
        let other = Review { ends: vec![["T3".to_owned(), "X9".to_owned()]], ..review };
        assert_eq!(other.end_indices(&spine), Err("X9".to_owned()));
    }
}
