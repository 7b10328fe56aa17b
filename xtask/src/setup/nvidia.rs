//! The libraries of CUDA and cuDNN, in a folder next to the library of ONNX Runtime.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::wheels::{Staging, Wheels};
use crate::workspace::{Workspace, entries_in};

/// The folder next to ONNX Runtime's library in which `lb` looks for them.
const FOLDER: &str = "nvidia";

/// A copy of the requirements from which the folder was made. It is written last, so if it is there,
/// everything was there.
const STAMP: &str = "requirements.txt";

/// The files of the wheels that are kept: one path in the wheels on each line, and comments with `#`.
/// `lb` loads the libraries by the same list.
const LIST: &str = include_str!("../../../crates/lb-models/src/device/nvidia_libraries.txt");

/// The paths of the libraries in the wheels.
fn libraries() -> impl Iterator<Item = &'static str> {
    LIST.lines().filter(|line| !line.starts_with('#'))
}

/// The names of the libraries' files, with their versions.
pub(super) fn file_names() -> impl Iterator<Item = &'static str> {
    libraries().filter_map(|path| path.rsplit('/').next())
}

/// Fetches the libraries into a folder in `beside`, unless they are there already.
pub(super) fn fetch(workspace: &Workspace, beside: &Path) -> Result<()> {
    let wheels = Wheels {
        what: "CUDA".into(),
        megabytes: 941,
        requirements: "nvidia.txt",
        platforms: vec!["manylinux_2_27_x86_64", "manylinux2014_x86_64"],
        otherwise: "install CUDA 13 and cuDNN 9 yourself and add --system-cuda",
    };
    let pins = wheels.pins(workspace)?;
    let folder = beside.join(FOLDER);
    if is_complete(&folder, &pins) {
        return Ok(());
    }
    let staging = Staging::take(&workspace.target)?;
    if is_complete(&folder, &pins) {
        return Ok(());
    }
    println!(
        "fetching CUDA 13.0 and cuDNN 9.20 with pip: {} MB, 1.3 GB when unpacked (2 GB for a moment). \
         They are under NVIDIA's licences (https://docs.nvidia.com/cuda/eula), copies of which are \
         stored with them; --system-cuda leaves them out",
        wheels.megabytes
    );
    wheels.unpack(workspace, staging.path())?;
    let gathered = staging.path().join("gathered");
    gather(staging.path(), &gathered)?;
    fs::write(gathered.join(STAMP), pins)?;
    fs::create_dir_all(beside)?;
    remove_into(&folder, staging.path())?;
    fs::rename(&gathered, &folder)?;
    Ok(())
}

/// Removes the libraries of an earlier setup, which would be preferred to the system's.
pub(super) fn remove(workspace: &Workspace, beside: &Path) -> Result<()> {
    let folder = beside.join(FOLDER);
    if !folder.exists() {
        return Ok(());
    }
    println!("removing {}", workspace.shown(&folder));
    let staging = Staging::take(&workspace.target)?;
    remove_into(&folder, staging.path())
}

/// Moves a folder in one step into the staging folder, with which it is deleted.
fn remove_into(folder: &Path, staging: &Path) -> Result<()> {
    if folder.exists() {
        fs::rename(folder, staging.join("earlier"))
            .with_context(|| format!("{} cannot be replaced", folder.display()))?;
    }
    Ok(())
}

fn is_complete(folder: &Path, pins: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == pins)
        && file_names().all(|name| folder.join(name).is_file())
}

/// Moves the libraries, and the licence of every wheel, out of the unpacked wheels into `folder`.
fn gather(unpacked: &Path, folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    for path in libraries() {
        let name = Path::new(path).file_name().unwrap_or_default();
        fs::rename(unpacked.join(path), folder.join(name))
            .with_context(|| format!("the wheels do not contain {path}"))?;
    }
    for path in entries_in(unpacked, "dist-info")? {
        let wheel = path.file_stem().unwrap_or_default().to_string_lossy();
        let licence = path.join("licenses/License.txt");
        ensure!(licence.is_file(), "the wheel {wheel} has no licence");
        fs::rename(licence, folder.join(format!("{wheel}.licence.txt")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked_wheels() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let licence = "nvidia_cublas-13.1.1.3.dist-info/licenses/License.txt";
        let others = ["nvidia/cu13/include/cublas.h", licence];
        for path in libraries().chain(others) {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, path).unwrap();
        }
        folder
    }

    #[test]
    fn libraries_and_licences_are_kept_and_nothing_else() {
        let unpacked = unpacked_wheels();
        let folder = unpacked.path().join("gathered");
        gather(unpacked.path(), &folder).unwrap();
        let kept = fs::read_dir(&folder).unwrap().count();
        assert_eq!(kept, libraries().count() + 1);
        assert!(folder.join("nvidia_cublas-13.1.1.3.licence.txt").is_file());
    }

    #[test]
    fn a_library_that_the_wheels_lack_is_named() {
        let unpacked = unpacked_wheels();
        let lacking = libraries().nth(3).unwrap();
        fs::remove_file(unpacked.path().join(lacking)).unwrap();
        let error = gather(unpacked.path(), &unpacked.path().join("gathered")).unwrap_err();
        assert!(error.to_string().contains(lacking), "{error}");
    }

    #[test]
    fn other_pins_and_lost_libraries_are_fetched_again() {
        let unpacked = unpacked_wheels();
        let folder = unpacked.path().join("gathered");
        gather(unpacked.path(), &folder).unwrap();
        assert!(!is_complete(&folder, "pins"));
        fs::write(folder.join(STAMP), "pins").unwrap();
        assert!(is_complete(&folder, "pins"));
        assert!(!is_complete(&folder, "newer pins"));
        fs::remove_file(folder.join("libcudnn_cnn.so.9")).unwrap();
        assert!(!is_complete(&folder, "pins"));
    }
}
