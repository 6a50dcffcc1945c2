use std::path::{Path, PathBuf};

use super::Site;
use super::client::get;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn the_page_is_served_as_it_is_written_and_needs_nothing_from_elsewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/interactive/page");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    assert!(paths.len() > 1);
    let kept = tempfile::tempdir().expect("a folder");
    let site = Site::of(kept.path(), 1);
    for path in paths {
        let name = path.strip_prefix(&folder).expect("a file of the page").to_str().expect("a name");
        let answer = get(site.port, &format!("/page/{name}"));
        assert_eq!((answer.status, &answer.body), (200, &std::fs::read(&path).expect("a file")), "{name}");
        let text = String::from_utf8_lossy(&answer.body).replace("http://www.w3.org/", "");
        assert!(!text.contains("http:") && !text.contains("https:"), "{name} names another server");
        // The policy lets nothing inline run or show.
        let inline = ["<style", " style=\"", " onclick=", " onload=", "<script>", "javascript:"];
        if name.ends_with(".html") {
            assert!(!inline.iter().any(|part| text.contains(part)), "{name} holds what the policy forbids");
        }
    }
    assert_eq!(get(site.port, "/").header("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        get(site.port, "/page/main.js").header("Content-Type"),
        Some("text/javascript; charset=utf-8")
    );
}
