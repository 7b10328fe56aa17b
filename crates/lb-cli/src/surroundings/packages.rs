//! What a Python package has installed beside the program: models, and ONNX Runtime's library.
//!
//! ```text
//!                    in an environment          the same on Windows     pip install --user on Windows
//!  the program       ENV/bin/lb                 ENV\Scripts\lb.exe      Python\Python313\Scripts\lb.exe
//!  ONNX Runtime      ENV/lib/python3.13/        ENV\Lib\               Python\Python313\
//!                        site-packages/…            site-packages\…        site-packages\…
//!  models            ENV/share/lb/models        ENV\share\lb\models    Python\share\lb\models
//! ```
//!
//! These are the schemes of Python's module `sysconfig`. With `pip install --user` on macOS, the folder of packages is
//! `lib/python/site-packages`.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::environment::Environment;

/// Where ONNX Runtime's library is in a folder of packages.
pub(super) const RUNTIME: &str = "onnxruntime/capi";

/// The packages that contain the program.
const NAMES: [&str; 2] = ["latent-blending", "latent-blending-gpu"];

/// The folders that may hold packaged models. `beside` is the program's folder, `bin` or `Scripts`.
pub(super) fn models(beside: &Path) -> Vec<PathBuf> {
    let roots = beside.ancestors().skip(1).take(2);
    roots.map(|root| root.join("share/lb/models")).collect()
}

/// The folders in which pip puts ONNX Runtime's library, for each Python in the environment, the newest first.
/// `beside` is the program's folder, `bin` or `Scripts`.
pub(super) fn runtimes(beside: &Path) -> Vec<PathBuf> {
    let Some(environment) = beside.parent() else {
        return Vec::new();
    };
    let libraries = ["lib", "lib64"].map(|folder| environment.join(folder));
    let entries = libraries.iter().filter_map(|folder| folder.read_dir().ok());
    let names = entries.flatten().flatten().map(|entry| entry.path());
    let mut pythons: Vec<(u32, PathBuf)> = names
        .filter_map(|folder| Some((version(folder.file_name()?.to_str()?)?, folder)))
        .collect();
    pythons.sort_by_key(|(version, _)| Reverse(*version));
    let pythons = pythons.into_iter().map(|(_, folder)| folder);
    // On Windows, packages are in a folder that belongs to one Python.
    pythons
        .chain([environment.join("Lib"), environment.to_path_buf()])
        .flat_map(|python| ["site-packages", "dist-packages"].map(|packages| python.join(packages)))
        .map(|packages| packages.join(RUNTIME))
        .collect()
}

/// As [`runtimes`], of the environments in [`tools`].
pub(super) fn runtimes_of_tools(environment: Environment<'_>) -> Vec<PathBuf> {
    tools(environment)
        .iter()
        .flat_map(|programs| runtimes(programs))
        .collect()
}

/// As [`models`], of the environments in [`tools`].
pub(super) fn models_of_tools(environment: Environment<'_>) -> Vec<PathBuf> {
    tools(environment)
        .iter()
        .flat_map(|programs| models(programs))
        .collect()
}

/// The folders of programs in the environments that `uv tool install` and `pipx install` make. On Windows these copy
/// the program out of its environment, so that nothing is found beside it. Other systems have links.
fn tools(environment: Environment<'_>) -> Vec<PathBuf> {
    if !environment.is_windows() {
        return Vec::new();
    }
    let below = |variable, path: &str| Some(environment.path(variable)?.join(path));
    let roots = [
        environment.path("UV_TOOL_DIR"),
        below("APPDATA", "uv/data/tools"),
        below("APPDATA", "uv/tools"),
        below("PIPX_HOME", "venvs"),
        below("USERPROFILE", "pipx/venvs"),
    ];
    let roots = roots.into_iter().flatten();
    roots
        .flat_map(|root| NAMES.map(|name| root.join(name).join("Scripts")))
        .collect()
}

/// The minor version in the name of a Python's folder of packages. A name without one comes last.
fn version(name: &str) -> Option<u32> {
    match name.strip_prefix("python")? {
        "" => Some(0),
        version => version.strip_prefix("3.")?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::environment::tests::with;
    use super::*;

    /// Makes a file, and the folders that it is in.
    fn make(environment: &Path, path: &str) -> PathBuf {
        let path = environment.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        path
    }

    #[test]
    fn the_runtime_is_looked_for_in_the_newest_python_first() {
        let environment = tempfile::tempdir().unwrap();
        for python in ["python3.9", "python3.13", "python3.x", "perl5"] {
            make(environment.path(), &format!("lib/{python}/os.py"));
        }
        let found = runtimes(&environment.path().join("bin"));
        let expected = ["lib/python3.13", "lib/python3.9", "Lib", ""];
        let expected = expected.into_iter().flat_map(|python| {
            let python = environment.path().join(python);
            ["site-packages", "dist-packages"].map(|at| python.join(at).join("onnxruntime/capi"))
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn the_environments_of_copied_programs_are_known_on_windows() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().to_str().unwrap();
        for tool in ["AppData/uv/data/tools", "AppData/uv/tools", "pipx/venvs"] {
            let tool = home.path().join(tool).join("latent-blending");
            let library = make(&tool, "Lib/site-packages/onnxruntime/capi/onnxruntime.dll");
            let data = format!("{folder}/AppData");
            let variables = [("APPDATA", data.as_str()), ("USERPROFILE", folder)];
            let (runtimes, models) = with("windows", &variables, |windows| {
                (runtimes_of_tools(windows), models_of_tools(windows))
            });
            assert!(
                runtimes
                    .iter()
                    .any(|found| found == library.parent().unwrap())
            );
            assert!(models.contains(&tool.join("share/lb/models")));
            assert!(with("linux", &variables, |linux| tools(linux).is_empty()));
        }
    }

    #[test]
    fn each_way_to_install_is_known() {
        for (program, library, model) in [
            (
                "bin/lb",
                "lib/python3.13/site-packages/onnxruntime/capi/libonnxruntime.so.1.31.1",
                "share/lb/models/pocket/model_index.json",
            ),
            (
                "Scripts/lb.exe",
                "Lib/site-packages/onnxruntime/capi/onnxruntime.dll",
                "share/lb/models/pocket/model_index.json",
            ),
            (
                "Library/Python/3.13/bin/lb",
                "Library/Python/3.13/lib/python/site-packages/onnxruntime/capi/libonnxruntime.1.31.1.dylib",
                "Library/Python/3.13/share/lb/models/pocket/model_index.json",
            ),
            (
                "Python/Python313/Scripts/lb.exe",
                "Python/Python313/site-packages/onnxruntime/capi/onnxruntime.dll",
                "Python/share/lb/models/pocket/model_index.json",
            ),
        ] {
            let environment = tempfile::tempdir().unwrap();
            let [program, library, model] =
                [program, library, model].map(|path| make(environment.path(), path));
            let beside = program.parent().unwrap();
            let folder = library.parent().unwrap();
            assert!(
                runtimes(beside).iter().any(|found| found == folder),
                "{library:?}"
            );
            let folder = model.parent().unwrap().parent().unwrap();
            assert!(
                models(beside).iter().any(|found| found == folder),
                "{model:?}"
            );
        }
    }
}
