use std::collections::BTreeMap;
use std::path::Path;

use crate::program::message;
use crate::say;
use anyhow::{Result, bail};
use ikem_data::{Error, LeftOut};
use indicatif::ProgressBar;
use rayon::prelude::*;

/// Looks at all images before the work begins, so that none ends it in the middle: `look` decodes the one of an item. Items whose
/// image it can't are taken out of the list and told with their reasons; an image that stands several times is looked at once.
pub fn take_out_broken<T: Sync>(
    items: &mut Vec<T>,
    name: impl Fn(&T) -> String,
    look: impl Fn(&T) -> Result<()> + Sync,
) -> Vec<LeftOut> {
    let images: BTreeMap<String, &T> = items.iter().map(|item| (name(item), item)).collect();
    let bar = ProgressBar::new(images.len() as u64);
    let reason = |(name, item): (&String, &&T)| {
        let reason = look(item).err().map(|error| message(&error));
        bar.inc(1);
        Some((name.clone(), reason?))
    };
    let broken: BTreeMap<String, String> = images.par_iter().filter_map(reason).collect();
    bar.finish_and_clear();
    items.retain(|item| !broken.contains_key(&name(item)));
    broken.into_iter().map(|(image, reason)| LeftOut { image, reason }).collect()
}

/// Goes on without the images that are left out, and prints them, if that is wanted (`--skip-broken`); otherwise they are an error
/// that names all of them. `total` is how many images there are in all.
///
/// # Errors
/// When there are such images and `skip_broken` is not set, or nothing is left without them.
pub fn settle_left_out(left_out: &[LeftOut], total: usize, data: &Path, skip_broken: bool) -> Result<()> {
    if left_out.is_empty() {
        return Ok(());
    }
    let unusable = Error::Unusable { path: data.to_owned(), films: left_out.to_vec() };
    if !skip_broken {
        bail!(
            "{unusable}\nmend them, or go on without them with --skip-broken; --root names the folder of the images"
        );
    }
    if left_out.len() >= total {
        bail!("{unusable}\nnothing is left");
    }
    for film in left_out {
        say!("left out {film}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use ikem_core::{Size, Skeleton};
    use ikem_data::{ManifestEntry, Subset};

    use super::*;

    #[test]
    fn broken_images_are_told_all_together_or_left_out() {
        let entry = |name: &str| {
            let (corners, skeleton) = (vec![[0.5; 2]; 2], Skeleton::numbered(2));
            ManifestEntry::new(name.to_owned(), corners, Size::new(9, 9), Subset::Val, &skeleton)
        };
        let mut entries = ["a", "b", "c", "b", "d"].map(entry).to_vec();
        let looked = std::sync::Mutex::new(Vec::new());
        let left_out = take_out_broken(
            &mut entries,
            |entry| entry.image_path.clone(),
            |entry| {
                looked.lock().expect("no panic").push(entry.image_path.clone());
                if "bd".contains(&entry.image_path) {
                    Err(anyhow!("{} ends early", entry.image_path))
                } else {
                    Ok(())
                }
            },
        );
        let names: Vec<&str> = entries.iter().map(|entry| entry.image_path.as_str()).collect();
        assert_eq!((names.as_slice(), looked.lock().expect("no panic").len()), (["a", "c"].as_slice(), 4));
        let refused = settle_left_out(&left_out, 4, Path::new("m.json"), false).expect_err("two are broken");
        let refused = refused.to_string();
        let start = "m.json: 2 of its films can't be used:\n  b: b ends early\n  d: d ends early\nmend them";
        assert!(refused.starts_with(start), "{refused}");
        assert!(settle_left_out(&left_out, 4, Path::new("m.json"), true).is_ok());
        let nothing = settle_left_out(&left_out, 2, Path::new("m.json"), true).expect_err("all are broken");
        assert!(nothing.to_string().ends_with("nothing is left"));
        assert!(settle_left_out(&[], 0, Path::new("m.json"), false).is_ok());
    }
}
