//! Uploads, which go to a file while they arrive and never lie in memory.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use futures_util::StreamExt as _;
use lb_files::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

use crate::error::ApiError;

/// Receives a body of at most `most` bytes in the folder for temporary files; see [`receive_in`].
pub(crate) async fn receive(
    body: Body,
    headers: &HeaderMap,
    most: u64,
) -> Result<NamedTempFile, ApiError> {
    receive_in(tempfile::NamedTempFile::new, body, headers, most).await
}

/// Receives a body of at most `most` bytes. One that says it is larger is refused at once, and one that turns
/// out to be larger as soon as it does. `make` makes the file.
pub(crate) async fn receive_in(
    make: impl FnOnce() -> std::io::Result<NamedTempFile>,
    body: Body,
    headers: &HeaderMap,
    most: u64,
) -> Result<NamedTempFile, ApiError> {
    let too_large = || ApiError::too_large(format!("an upload has at most {most} bytes"));
    let declared = headers.get(CONTENT_LENGTH).and_then(|at| at.to_str().ok());
    if declared
        .and_then(|at| at.parse::<u64>().ok())
        .is_some_and(|bytes| bytes > most)
    {
        return Err(too_large());
    }
    let file = make()?;
    let mut writer = tokio::fs::File::from_std(file.as_file().try_clone()?);
    let mut received: u64 = 0;
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| ApiError::request("the upload was cut off"))?;
        received += part.len() as u64;
        if received > most {
            return Err(too_large());
        }
        writer.write_all(&part).await?;
    }
    writer.flush().await?;
    Ok(file)
}
