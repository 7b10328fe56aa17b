//! Writing the text files that commands make themselves.

use std::path::Path;

use lb_files::FileError;
use lb_render::validate_destination;

use crate::error::CommandError;

/// Writes a text file, whole or not at all.
pub(crate) fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), CommandError> {
    validate_destination(path, overwrite)?;
    lb_files::write(path, text.as_bytes(), overwrite).map_err(|error| {
        let path = path.display();
        match error {
            FileError::NoFolder { folder, .. } => CommandError::no_folder(path, folder.display()),
            error => CommandError::write(path, error.into_io()),
        }
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn text_files_have_the_usual_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let (usual, text) = (folder.path().join("usual"), folder.path().join("text"));
        std::fs::write(&usual, "").unwrap();
        write(&text, "", false).unwrap();
        assert_eq!(mode(&text), mode(&usual));
    }
}
