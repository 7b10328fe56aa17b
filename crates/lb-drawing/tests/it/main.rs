//! The pictures are well-formed and complete for any input.

mod measurement;
mod tree;

use proptest::prelude::*;

/// Checks that every element is closed by its own name, and that markup occurs nowhere else.
fn check_well_formed(svg: &str) -> Result<(), TestCaseError> {
    let mut open = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part
            .split_once('>')
            .ok_or_else(|| TestCaseError::fail("open tag"))?;
        prop_assert!(!text.contains('>'));
        let name = tag.split(' ').next().unwrap_or_default();
        if let Some(closed) = name.strip_prefix('/') {
            prop_assert_eq!(open.pop(), Some(closed));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    prop_assert!(open.is_empty());
    Ok(())
}
