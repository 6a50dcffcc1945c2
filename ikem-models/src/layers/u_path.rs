use candle_core::{Result, Tensor};

use super::pass::Pass;
use super::u_levels::{DoubleConv, Up, UpChannels};
use crate::error::BuildResult;
use crate::onnx::{Graph, Value};
use crate::ops::{self, Activation};
use crate::params::Builder;

/// The way down and up of a U-Net with its skip connections (Ronneberger et al. 2015): each level down halves the size by
/// max pooling, each level up doubles it.
#[derive(Debug)]
pub(crate) struct UPath {
    down: Vec<DoubleConv>,
    up: Vec<Up>,
}

/// The features at both ends of a [`UPath`].
pub(crate) struct Features<T> {
    /// At the lowest resolution.
    pub bottom: T,
    /// At the resolution of the input.
    pub top: T,
}

impl UPath {
    /// A path of levels with these `channels`, from the top. The levels below the first are numbered from 1; `down` and `up`
    /// tell the modules that lead to them and back.
    pub(crate) fn new(
        channels: &[usize],
        activation: Activation,
        down: impl Fn(usize) -> Builder,
        up: impl Fn(usize) -> Builder,
    ) -> BuildResult<Self> {
        let levels = || channels.windows(2).map(|pair| (pair[0], pair[1])).enumerate();
        let down = levels()
            .map(|(above, (skip, below))| DoubleConv::new(&down(above + 1), skip, below, activation))
            .collect::<BuildResult<_>>()?;
        let up = levels()
            .rev()
            .map(|(above, (skip, below))| {
                Up::new(&up(above + 1), UpChannels { below, skip, outputs: skip }, activation)
            })
            .collect::<BuildResult<_>>()?;
        Ok(Self { down, up })
    }

    /// The same with the modules `down1`, `down2` … and `up1`, `up2` … of `builder`.
    pub(crate) fn numbered(
        channels: &[usize],
        activation: Activation,
        builder: &Builder,
    ) -> BuildResult<Self> {
        let module = |way: &'static str| move |level| builder.pp(&format!("{way}{level}"));
        Self::new(channels, activation, module("down"), module("up"))
    }

    pub(crate) fn forward(&self, x: Tensor, pass: Pass<'_>) -> Result<Features<Tensor>> {
        let mut skips = Vec::with_capacity(self.down.len());
        let mut x = x;
        for down in &self.down {
            let below = down.forward(&[&ops::max_pool2x2(&x)?], pass)?;
            skips.push(std::mem::replace(&mut x, below));
        }
        let bottom = x.clone();
        for (up, skip) in self.up.iter().zip(skips.into_iter().rev()) {
            x = up.forward(&x, &skip, pass)?;
        }
        Ok(Features { bottom, top: x })
    }

    /// Adds it to an ONNX graph.
    pub(crate) fn export(&self, graph: &mut Graph, x: Value) -> Result<Features<Value>> {
        let mut skips = Vec::with_capacity(self.down.len());
        let mut x = x;
        for down in &self.down {
            let pooled = graph.max_pool2x2(&x)?;
            let below = down.export(graph, &[&pooled])?;
            skips.push(std::mem::replace(&mut x, below));
        }
        let bottom = x.clone();
        for (up, skip) in self.up.iter().zip(skips.into_iter().rev()) {
            x = up.export(graph, &x, &skip)?;
        }
        Ok(Features { bottom, top: x })
    }
}
