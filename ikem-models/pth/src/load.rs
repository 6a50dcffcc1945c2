use std::collections::HashMap;
use std::io::{self, Read, Seek};

use crate::container::Container;
use crate::error::{PthErrorKind, quoted};
use crate::rebuild::TensorPlan;

/// A tensor and its index in the state dict.
type User<'p> = (usize, &'p TensorPlan);

/// The elements of each tensor, little-endian and row-major. Every storage is read once and freed before the next, so
/// that never more than `limit` bytes are held.
pub(crate) fn load<R: Read + Seek>(
    container: &mut Container<R>,
    plans: &[TensorPlan],
    limit: u64,
) -> Result<Vec<Vec<u8>>, PthErrorKind> {
    let within = |what: &dyn Fn() -> String, bytes: u64| match bytes {
        _ if bytes <= limit => Ok(()),
        _ => Err(PthErrorKind::Limit { what: what(), found: bytes, limit, unit: "bytes" }),
    };
    within(&|| "the tensors".into(), total(plans.iter()))?;
    let mut data = vec![Vec::new(); plans.len()];
    let mut kept = 0_u64;
    for users in by_storage(plans) {
        let Some(&(_, first)) = users.first() else { continue };
        let storage = &first.storage;
        if let Some((_, other)) = users.iter().find(|(_, user)| user.storage.bytes != storage.bytes) {
            let (bytes, elsewhere) = (other.storage.bytes, storage.bytes);
            let problem = format!("its storage is said to hold {bytes} bytes, and {elsewhere} elsewhere");
            return Err(PthErrorKind::Tensor { key: quoted(&other.name), problem });
        }
        let is_whole = users.len() == 1 && first.is_whole_storage();
        let copies = if is_whole { 0 } else { total(users.iter().map(|(_, user)| *user)) };
        let what = || format!("storage {} with the tensors so far", quoted(&storage.key));
        within(&what, kept.saturating_add(storage.bytes).saturating_add(copies))?;
        let bytes = container.storage(&storage.key, storage.bytes)?;
        kept = kept.saturating_add(if is_whole { storage.bytes } else { copies });
        for (index, elements) in elements(&users, bytes, is_whole)? {
            if let Some(slot) = data.get_mut(index) {
                *slot = elements;
            }
        }
    }
    if container.is_big_endian() {
        for (plan, elements) in plans.iter().zip(&mut data) {
            elements.chunks_exact_mut(plan.dtype.size()).for_each(<[u8]>::reverse);
        }
    }
    Ok(data)
}

fn total<'p>(plans: impl Iterator<Item = &'p TensorPlan>) -> u64 {
    plans.fold(0, |total, plan| total.saturating_add(plan.bytes()))
}

/// The tensors that have elements, grouped by their storage, in the order of its first use.
fn by_storage(plans: &[TensorPlan]) -> Vec<Vec<User<'_>>> {
    let mut groups: Vec<Vec<User<'_>>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (index, plan) in plans.iter().enumerate().filter(|(_, plan)| plan.layout.elements() > 0) {
        let group = *places.entry(&plan.storage.key).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push((index, plan)),
            None => groups.push(vec![(index, plan)]),
        }
    }
    groups
}

/// The elements of the tensors that use a storage. A tensor that is the whole storage takes it over.
fn elements(
    users: &[User<'_>],
    storage: Vec<u8>,
    is_whole: bool,
) -> Result<Vec<(usize, Vec<u8>)>, PthErrorKind> {
    if let (true, [(index, _)]) = (is_whole, users) {
        return Ok(vec![(*index, storage)]);
    }
    let gather = |(index, user): &User<'_>| match user.layout.gather(&storage, user.dtype.size()) {
        Some(elements) => Ok((*index, elements)),
        None => Err(PthErrorKind::Io(io::ErrorKind::OutOfMemory.into())),
    };
    users.iter().map(gather).collect()
}
