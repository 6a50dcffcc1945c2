use ikem_core::Point;

/// Scenes that go through a network together.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatingBatch {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch's place in its epoch, from 0.
    pub step: usize,
    /// Each scene's film, by its place in the loader's list; [`LocatingLoader::name`](crate::LocatingLoader::name)
    /// tells its name.
    pub entries: Vec<usize>,
    /// The scenes, N × S × S in row-major order, -1 (black) … 1 (white).
    pub images: Vec<f32>,
    /// What the network should answer for each scene.
    pub targets: Vec<LocatingTarget>,
}

/// What a locator should answer for one scene.
///
/// Maps are (S / stride) × (S / stride) in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatingTarget {
    /// Which part of each value's square the vertebral column covers, 0…1: the vertebrae T1–L5 and what is between one
    /// and the next.
    pub column: Vec<f32>,
    /// 0 where it is not known whether the column is there, else 1.
    pub weight: Vec<f32>,
    /// The middle of T1's top edge and that of L5's bottom edge.
    pub ends: [End; 2],
    /// By how many quarter turns clockwise the film was turned, 0…3; `None` where the scene does not tell.
    pub turns: Option<u8>,
    /// Whether the film is a negative, with bones darker than air; `None` where the scene does not tell.
    pub negative: Option<bool>,
    /// Whether at least half of the marked column is on the scene.
    pub spine: bool,
}

/// Where an end of the vertebral column is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// Here, in pixels of the network's grid (S × S).
    At(Point),
    /// Certainly off the scene.
    Outside,
    /// Not known.
    Unknown,
}
