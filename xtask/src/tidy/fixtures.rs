//! How much the tests' fixtures weigh, which every clone pays for.

use std::path::{Path, PathBuf};

/// Most bytes of all golden files together.
const MOST: u64 = 5_000_000;

/// Checks the sizes in bytes of the repository's files, by their paths relative to the root.
pub(super) fn check_sizes(files: &[(PathBuf, u64)]) -> Vec<String> {
    let fixtures = files.iter().filter(|(path, _)| is_fixture(path));
    let bytes: u64 = fixtures.map(|(_, bytes)| bytes).sum();
    if bytes <= MOST {
        return Vec::new();
    }
    vec![format!(
        "crates/*/tests/golden: {bytes} bytes of fixtures, at most {MOST} are allowed"
    )]
}

fn is_fixture(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().collect();
    matches!(parts[..], [first, _, tests, golden, ..]
        if first == "crates" && tests == "tests" && golden == "golden")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_files_of_all_crates_count_together() {
        let files = |second: u64| {
            [
                ("crates/a/tests/golden/weights.safetensors", MOST - 10),
                ("crates/b/tests/golden/kinds/frames.rgb", second),
                ("crates/b/tests/it/golden.rs", 1 << 40),
                ("models/pocket/unet/weights.safetensors", 1 << 40),
            ]
            .map(|(path, bytes)| (PathBuf::from(path), bytes))
        };
        assert!(check_sizes(&files(10)).is_empty());
        let [finding] = &check_sizes(&files(11))[..] else {
            panic!("one finding")
        };
        assert!(finding.contains("5000001 bytes"), "{finding}");
    }
}
