use candle_core::{Result, Tensor};

use super::blocks::{BasicBlock, Bottleneck, EXPANSION};
use crate::error::BuildResult;
use crate::layers::{ConvSpec, ConvUnit, Pass};
use crate::onnx::{Graph, Value};
use crate::ops::{self, Activation::Relu};
use crate::params::Builder;

/// Bottlenecks of the first stage, and basic blocks of each branch in each exchange.
const BLOCKS: usize = 4;

/// Exchanges of the second, third and fourth stage, which have two, three and four branches.
const EXCHANGES: [usize; 3] = [1, 4, 3];

/// HRNet (Wang et al. 2020): a first stage at one resolution, then three stages that each add a branch with half the
/// resolution and twice the width of the last one, and exchange features between all branches.
#[derive(Debug)]
pub(super) struct Backbone {
    first: Vec<Bottleneck>,
    early_channels: usize,
    /// The start of the second stage, both of whose branches continue the first stage.
    fork: [ConvUnit; 2],
    stages: [Stage; 3],
    channels: usize,
}

impl Backbone {
    pub(super) fn new(builder: &Builder, inputs: usize, width: usize) -> BuildResult<Self> {
        let early = EXPANSION * inputs;
        let layer1 = builder.pp("layer1");
        let first = (0..BLOCKS).map(|block| {
            let channels = if block == 0 { inputs } else { early };
            Bottleneck::new(&layer1.pp(&block.to_string()), channels, inputs)
        });
        let widths = [0, 1, 2, 3].map(|branch| width << branch);
        let transition = builder.pp("transition1");
        let fork = [
            ConvUnit::in_sequence(&transition.pp("0"), ConvSpec::new(early, widths[0], 3).then(Relu))?,
            ConvUnit::in_sequence(
                &transition.pp("1").pp("0"),
                ConvSpec::new(early, widths[1], 3).stride(2).then(Relu),
            )?,
        ];
        Ok(Self {
            first: first.collect::<BuildResult<_>>()?,
            early_channels: early,
            fork,
            stages: [
                Stage::new(builder, &widths[..2])?,
                Stage::new(builder, &widths[..3])?,
                Stage::new(builder, &widths)?,
            ],
            channels: widths.iter().sum(),
        })
    }

    /// Channels after the first stage.
    pub(super) const fn early_channels(&self) -> usize {
        self.early_channels
    }

    /// Channels of all branches together.
    pub(super) const fn channels(&self) -> usize {
        self.channels
    }

    /// The features after the first stage, and those of the four branches, resized to the resolution of the finest one.
    pub(super) fn forward(&self, x: Tensor, pass: Pass<'_>) -> Result<(Tensor, Vec<Tensor>)> {
        let mut early = x;
        for block in &self.first {
            early = block.forward(&early, pass)?;
        }
        let mut branches = Vec::with_capacity(EXCHANGES.len() + 1);
        for unit in &self.fork {
            branches.push(unit.forward(&[&early], pass)?);
        }
        for stage in &self.stages {
            branches = stage.forward(branches, pass)?;
        }
        let (_, _, height, width) = branches[0].dims4()?;
        let resized = branches.iter().map(|branch| ops::resize_bilinear(branch, height, width));
        Ok((early, resized.collect::<Result<_>>()?))
    }

    /// Adds [`forward`](Self::forward) to an ONNX graph.
    pub(super) fn export(&self, graph: &mut Graph, x: Value) -> Result<(Value, Vec<Value>)> {
        let mut early = x;
        for block in &self.first {
            early = block.export(graph, &early)?;
        }
        let fork = self.fork.iter().map(|unit| unit.export(graph, &[&early]));
        let mut branches = fork.collect::<Result<Vec<_>>>()?;
        for stage in &self.stages {
            branches = stage.export(graph, branches)?;
        }
        let size = branches[0].size()?;
        let resized = branches.iter().map(|branch| graph.resize(branch, size));
        let resized = resized.collect::<Result<_>>()?;
        Ok((early, resized))
    }
}

/// The exchanges between some branches; a stage with more than two adds the coarsest one.
#[derive(Debug)]
struct Stage {
    begin: Option<ConvUnit>,
    exchanges: Vec<Exchange>,
}

impl Stage {
    /// The stage with a branch for each of the `widths`, which is also its number.
    fn new(hrnet: &Builder, widths: &[usize]) -> BuildResult<Self> {
        let number = widths.len();
        let begin = match *widths {
            [.., finer, coarsest] if number > 2 => {
                let coarsest_of_transition = (number - 1).to_string();
                let module =
                    hrnet.pp(&format!("transition{}", number - 1)).pp(&coarsest_of_transition).pp("0");
                let spec = ConvSpec::new(finer, coarsest, 3).stride(2).then(Relu);
                Some(ConvUnit::in_sequence(&module, spec)?)
            }
            _ => None,
        };
        let stage = hrnet.pp(&format!("stage{number}"));
        let exchanges = (0..EXCHANGES[number - 2]).map(|i| Exchange::new(&stage.pp(&i.to_string()), widths));
        Ok(Self { begin, exchanges: exchanges.collect::<BuildResult<_>>()? })
    }

    fn forward(&self, mut branches: Vec<Tensor>, pass: Pass<'_>) -> Result<Vec<Tensor>> {
        if let (Some(unit), Some(coarsest)) = (&self.begin, branches.last()) {
            branches.push(unit.forward(&[coarsest], pass)?);
        }
        for exchange in &self.exchanges {
            branches = exchange.forward(&branches, pass)?;
        }
        Ok(branches)
    }

    fn export(&self, graph: &mut Graph, mut branches: Vec<Value>) -> Result<Vec<Value>> {
        if let (Some(unit), Some(coarsest)) = (&self.begin, branches.last()) {
            let next = unit.export(graph, &[coarsest])?;
            branches.push(next);
        }
        for exchange in &self.exchanges {
            branches = exchange.export(graph, &branches)?;
        }
        Ok(branches)
    }
}

/// A sequence of basic blocks in each branch, and then a fusion of all branches for each branch.
#[derive(Debug)]
struct Exchange {
    branches: Vec<Vec<BasicBlock>>,
    fusions: Vec<Fusion>,
}

impl Exchange {
    fn new(builder: &Builder, widths: &[usize]) -> BuildResult<Self> {
        let branches = widths.iter().enumerate().map(|(branch, &width)| {
            let module = builder.pp("branches").pp(&branch.to_string());
            (0..BLOCKS).map(|block| BasicBlock::new(&module.pp(&block.to_string()), width)).collect()
        });
        let fuse = builder.pp("fuse_layers");
        let fusions = (0..widths.len()).map(|onto| Fusion::new(&fuse.pp(&onto.to_string()), widths, onto));
        Ok(Self {
            branches: branches.collect::<BuildResult<_>>()?,
            fusions: fusions.collect::<BuildResult<_>>()?,
        })
    }

    fn forward(&self, inputs: &[Tensor], pass: Pass<'_>) -> Result<Vec<Tensor>> {
        let mut features = inputs.to_vec();
        for (x, blocks) in features.iter_mut().zip(&self.branches) {
            for block in blocks {
                *x = block.forward(x, pass)?;
            }
        }
        self.fusions.iter().map(|fusion| fusion.forward(&features, pass)).collect()
    }

    fn export(&self, graph: &mut Graph, inputs: &[Value]) -> Result<Vec<Value>> {
        let mut features = inputs.to_vec();
        for (x, blocks) in features.iter_mut().zip(&self.branches) {
            for block in blocks {
                *x = block.export(graph, x)?;
            }
        }
        self.fusions.iter().map(|fusion| fusion.export(graph, &features)).collect()
    }
}

/// The fusion of all branches at the resolution of one: coarser ones go through a 1 × 1 convolution and are resized,
/// finer ones go through as many 3 × 3 convolutions of stride 2 as they are levels finer; the sum is rectified.
#[derive(Debug)]
struct Fusion {
    onto: usize,
    finer: Vec<Vec<ConvUnit>>,
    coarser: Vec<ConvUnit>,
}

impl Fusion {
    fn new(row: &Builder, widths: &[usize], onto: usize) -> BuildResult<Self> {
        let target = widths[onto];
        let finer = (0..onto).map(|from| {
            let (module, width, steps) = (row.pp(&from.to_string()), widths[from], onto - from);
            let unit = |step: usize| {
                let last = step + 1 == steps;
                let spec = ConvSpec::new(width, if last { target } else { width }, 3).stride(2);
                // The last summand is added within its convolution, which also rectifies the sum.
                let spec = if !last || steps == 1 { spec.then(Relu) } else { spec };
                ConvUnit::in_sequence(&module.pp(&step.to_string()), spec)
            };
            (0..steps).map(unit).collect()
        });
        let coarser = (onto + 1..widths.len()).map(|from| {
            ConvUnit::in_sequence(&row.pp(&from.to_string()), ConvSpec::new(widths[from], target, 1))
        });
        Ok(Self {
            onto,
            finer: finer.collect::<BuildResult<_>>()?,
            coarser: coarser.collect::<BuildResult<_>>()?,
        })
    }

    fn forward(&self, branches: &[Tensor], pass: Pass<'_>) -> Result<Tensor> {
        let (finer, rest) = branches.split_at(self.onto);
        let Some((own, coarser)) = rest.split_first() else { candle_core::bail!("no branch {}", self.onto) };
        let (_, _, height, width) = own.dims4()?;
        let mut sum = own.clone();
        for (unit, branch) in self.coarser.iter().zip(coarser) {
            sum = (sum + ops::resize_bilinear(&unit.forward(&[branch], pass)?, height, width)?)?;
        }
        for (units, branch) in self.finer.iter().zip(finer) {
            let Some((last, before)) = units.split_last() else { continue };
            let mut x = branch.clone();
            for unit in before {
                x = unit.forward(&[&x], pass)?;
            }
            sum = last.forward_onto(&[&x], Some(&sum), pass)?;
        }
        if finer.is_empty() { ops::activate(&sum, Relu) } else { Ok(sum) }
    }

    fn export(&self, graph: &mut Graph, branches: &[Value]) -> Result<Value> {
        let (finer, rest) = branches.split_at(self.onto);
        let Some((own, coarser)) = rest.split_first() else { candle_core::bail!("no branch {}", self.onto) };
        let mut sum = own.clone();
        for (unit, branch) in self.coarser.iter().zip(coarser) {
            let x = unit.export(graph, &[branch])?;
            let x = graph.resize(&x, own.size()?)?;
            sum = graph.add(&sum, &x);
        }
        for (units, branch) in self.finer.iter().zip(finer) {
            let Some((last, before)) = units.split_last() else { continue };
            let mut x = branch.clone();
            for unit in before {
                x = unit.export(graph, &[&x])?;
            }
            sum = last.export_onto(graph, &[&x], Some(&sum))?;
        }
        Ok(if finer.is_empty() { graph.activation(sum, Relu) } else { sum })
    }
}
