use ikem_core::Point;

/// A batch of scenes.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatingBatch {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The index of the batch in its epoch, from 0.
    pub step: usize,
    /// The index of each scene's film in the loader; [`LocatingLoader::name`](crate::LocatingLoader::name) returns its
    /// name.
    pub entries: Vec<usize>,
    /// The scenes, N × S × S in row-major order, −1 (black) … 1 (white).
    pub images: Vec<f32>,
    /// The target for each scene.
    pub targets: Vec<LocatingTarget>,
}

/// The training target of a locator for one scene.
///
/// Maps are (S / stride) × (S / stride) in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatingTarget {
    /// The fraction of each cell that the spine covers, 0…1: the vertebrae T1–L5 and the gaps between them.
    pub column: Vec<f32>,
    /// The weight of each cell in the loss: 0 where it is unknown whether the spine is there, else 1.
    pub weight: Vec<f32>,
    /// The midpoints of the upper endplate of T1 and the lower endplate of L5.
    pub ends: [End; 2],
    /// The number of clockwise quarter turns applied to the film, 0…3; `None` if the scene does not show it.
    pub turns: Option<u8>,
    /// Whether the film is a negative, with bones darker than air; `None` if the scene does not show it.
    pub negative: Option<bool>,
    /// Whether at least half of the marked spine is in the scene.
    pub spine: bool,
}

/// The position of an end of the spine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// In the scene, in pixels of the network's grid (S × S).
    At(Point),
    /// Certainly outside the scene.
    Outside,
    /// Unknown.
    Unknown,
}
