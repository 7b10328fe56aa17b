//! Texts that commands write themselves.

use std::io::Write;
use std::path::Path;

use lb_render::validate_destination;

use crate::error::CommandError;

/// Writes a text whole or not at all.
pub(crate) fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), CommandError> {
    validate_destination(path, overwrite)?;
    let failed = |error: std::io::Error| CommandError::Write {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(CommandError::NoFolder {
            path: path.display().to_string(),
            folder: folder.display().to_string(),
        });
    }
    let mut file = builder().tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let persisted = if overwrite {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    persisted.map(|_| ()).map_err(|error| failed(error.error))
}

/// Temporary files are their user's alone; what this one becomes shall not be.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The user's mask is taken off.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn texts_are_as_readable_as_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let (usual, text) = (folder.path().join("usual"), folder.path().join("text"));
        std::fs::write(&usual, "").unwrap();
        write(&text, "", false).unwrap();
        assert_eq!(mode(&text), mode(&usual));
    }
}
