//! Copies of folders that share the bytes of their files, so that thousands of them cost little.

use std::fs;
use std::path::Path;

/// Makes hard links to all files of a folder, or copies if the file system has no links.
pub(crate) fn link_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            link_folder(&path, &target);
        } else if fs::hard_link(&path, &target).is_err() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Puts other bytes in the place of a file, or makes a new one. What it was linked to stays as it is.
pub(crate) fn replace(path: &Path, bytes: impl AsRef<[u8]>) {
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
