//! Texts that commands write themselves.

use std::io::Write;
use std::path::Path;

use crate::error::CommandError;

/// Writes a text whole or not at all.
pub(crate) fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| CommandError::Write {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let persisted = if overwrite {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    persisted.map(|_| ()).map_err(|error| failed(error.error))
}
