//! Finds the state dict among the values of a checkpoint.

use std::collections::HashSet;

use crate::error::{PthErrorKind, quoted};
use crate::rebuild::{TensorPlan, is_tensor, tensor_plan};
use crate::value::{ValueId, Values};

/// Keys under which training code stores the model, the most specific first.
const MODEL_KEYS: [&str; 8] =
    ["state_dict", "model_state_dict", "model_state", "model", "network", "net", "module", "params"];

/// The most dicts around the state dict.
const MAX_DEPTH: usize = 4;

/// The most entries that an error lists.
const LISTED: usize = 8;

/// The tensors of the state dict in `root`, in its order.
pub(crate) fn state_dict(values: &Values, root: ValueId) -> Result<Vec<TensorPlan>, PthErrorKind> {
    let entries = find(values, root)?;
    let mut names = HashSet::with_capacity(entries.len());
    let mut plans = Vec::with_capacity(entries.len());
    for &(key, value) in entries {
        let Some(name) = values.text(key) else {
            return Err(PthErrorKind::NoStateDict {
                found: format!("a dict of tensors with {} among its keys", values.describe(key)),
            });
        };
        // BatchNorm's counter of training steps, which is only used by its own momentum schedule.
        if name.rsplit('.').next() == Some("num_batches_tracked") {
            continue;
        }
        if !names.insert(name) {
            return Err(PthErrorKind::Tensor {
                key: quoted(name),
                problem: "is there twice, expected once".into(),
            });
        }
        plans.push(tensor_plan(values, name, value)?);
    }
    strip_prefixes(&mut plans);
    Ok(plans)
}

/// Removes the prefixes that all names share: `DataParallel` writes every name as `module.NAME`, `torch.compile` as
/// `_orig_mod.NAME`, and training frameworks add the attribute that holds the network.
fn strip_prefixes(plans: &mut [TensorPlan]) {
    while let Some(length) = shared_prefix(plans) {
        for plan in &mut *plans {
            plan.name.drain(..length);
        }
    }
}

/// The length of the first part of the names, with its dot, if all names share it.
fn shared_prefix(plans: &[TensorPlan]) -> Option<usize> {
    // A single tensor would share all of its parts.
    let [first, _, ..] = plans else { return None };
    let length = first.name.find('.')? + 1;
    let prefix = first.name.get(..length)?;
    plans.iter().all(|plan| plan.name.starts_with(prefix)).then_some(length)
}

/// The entries of the state dict: of `root` itself, of the dict under a usual key, or of the only dict of tensors in
/// it.
fn find(values: &Values, root: ValueId) -> Result<&[(ValueId, ValueId)], PthErrorKind> {
    let mut dict = root;
    let mut path = String::new();
    for _ in 0..MAX_DEPTH {
        let found = |what: String| PthErrorKind::NoStateDict {
            found: if path.is_empty() { what } else { format!("{what} under {path}") },
        };
        let entries = values.dict(dict).ok_or_else(|| found(values.describe(dict)))?;
        if let Some((key, model)) = model_entry(values, entries) {
            path = key.to_owned();
            dict = model;
            continue;
        }
        if entries.iter().any(|&(_, value)| is_tensor(values, value)) {
            return Ok(entries);
        }
        let begins_with_tensor = |value: ValueId| {
            values
                .dict(value)
                .and_then(|inner| inner.first())
                .is_some_and(|&(_, first)| is_tensor(values, first))
        };
        let candidates: Vec<_> = entries.iter().filter(|&&(_, value)| begins_with_tensor(value)).collect();
        return match candidates.as_slice() {
            [(_, only)] => Ok(values.dict(*only).unwrap_or_default()),
            [] => {
                Err(found(format!("{} without tensors{}", values.describe(dict), listing(values, entries))))
            }
            several => Err(PthErrorKind::AmbiguousStateDict {
                keys: list(several.iter().map(|entry| shown(values, entry.0))),
            }),
        };
    }
    Err(PthErrorKind::NoStateDict { found: format!("dicts in dicts, more than {MAX_DEPTH} deep") })
}

/// The dict under the first of [`MODEL_KEYS`] that exists.
fn model_entry<'v>(values: &'v Values, entries: &[(ValueId, ValueId)]) -> Option<(&'v str, ValueId)> {
    let named = |name: &str| {
        entries.iter().rev().find_map(|&(key, value)| {
            let key = values.text(key).filter(|&key| key == name)?;
            Some((key, value))
        })
    };
    MODEL_KEYS.iter().filter_map(|name| named(name)).find(|&(_, value)| values.dict(value).is_some())
}

/// The entries of a dict without tensors, in brackets.
fn listing(values: &Values, entries: &[(ValueId, ValueId)]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let describe =
        |&(key, value): &(ValueId, ValueId)| format!("{}: {}", shown(values, key), values.describe(value));
    format!(" ({})", list(entries.iter().map(describe)))
}

fn shown(values: &Values, key: ValueId) -> String {
    values.text(key).map_or_else(|| values.describe(key), quoted)
}

fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = if items.len() > LISTED { ", …" } else { "" };
    items.take(LISTED).collect::<Vec<_>>().join(", ") + more
}
