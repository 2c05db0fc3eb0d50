//! The object store that delta-rs writes through. `object_store` 0.13 never fsyncs a local file, so a power cut could
//! leave an empty commit that opens as a shorter table. Here a file is synced before it gets its name, and its name
//! before the write is answered.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path as FsPath, PathBuf};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use crate::commit_log;

#[derive(Debug)]
pub(crate) struct DurableStore {
    files: LocalFileSystem,
}

impl DurableStore {
    /// Paths are those of the machine, without the first slash.
    pub(crate) fn new() -> Self {
        Self { files: LocalFileSystem::new() }
    }
}

impl std::fmt::Display for DurableStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("durable local files")
    }
}

#[async_trait]
impl ObjectStore for DurableStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let path = self.files.path_to_filesystem(location)?;
        let put = move || {
            write(&path, &payload, &options.mode)?;
            let bytes: Vec<u8> = payload.iter().flatten().copied().collect();
            if let Err(error) = commit_log::was_written(&path, &bytes) {
                // The commit is there; what it lacks is made up for at the next start.
                tracing::warn!(%error, commit = %path.display(), "a commit could not be copied");
            }
            Ok(())
        };
        let written = blocking(put).await;
        match written {
            Ok(()) => Ok(PutResult { e_tag: None, version: None }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::AlreadyExists { path: location.to_string(), source: error.into() })
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.files.path_to_filesystem(location)?;
        let upload = self.files.put_multipart_opts(location, options).await?;
        Ok(Box::new(DurableUpload { upload, path }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        let path = self.files.path_to_filesystem(to)?;
        blocking(move || sync(&path)).await.map_err(failed)
    }
}

/// Synced when complete.
#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    path: PathBuf,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        let path = self.path.clone();
        blocking(move || sync(&path)).await.map_err(failed)?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

/// Replaces the file if there is one; whoever reads it finds all of the old or all of the new.
pub(crate) fn write_durably(path: &FsPath, bytes: &[u8]) -> io::Result<()> {
    write(path, &bytes.to_vec().into(), &PutMode::Overwrite)
}

/// A name ending in `#` and digits is what this store never lists.
fn write(path: &FsPath, payload: &PutPayload, mode: &PutMode) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_folders(folder)?;
    let mut staged = path.as_os_str().to_owned();
    staged.push("#1");
    let mut file = File::create(&staged)?;
    for bytes in payload {
        file.write_all(bytes)?;
    }
    file.sync_all()?;
    let is_as_written = fs::read(&staged)?.into_iter().eq(payload.iter().flatten().copied());
    if !is_as_written {
        return Err(io::Error::other("the file does not hold what was written to it"));
    }
    match mode {
        PutMode::Create => {
            let linked = fs::hard_link(&staged, path);
            fs::remove_file(&staged)?;
            linked?;
        }
        PutMode::Overwrite => fs::rename(&staged, path)?,
        PutMode::Update(_) => return Err(io::ErrorKind::Unsupported.into()),
    }
    File::open(folder)?.sync_all()
}

fn sync(path: &FsPath) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    File::open(folder)?.sync_all()
}

/// What a process left that was killed: folders that only the system's memory has in their parents.
pub(crate) fn sync_folders<'a>(folders: impl IntoIterator<Item = &'a FsPath>) -> io::Result<()> {
    folders.into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

/// Each new folder is synced into its parent.
pub(crate) fn create_folders(folder: &FsPath) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_folders(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let parent = if parent.as_os_str().is_empty() { FsPath::new(".") } else { parent };
    File::open(parent)?.sync_all()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn failed(error: io::Error) -> Error {
    Error::Generic { store: "durable local files", source: error.into() }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn what_exists_is_not_created_again_and_nothing_staged_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = DurableStore::new();
        let path = Path::from_absolute_path(folder.path().join("log/1.json")).expect("absolute");
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&path, "first".into(), create()).await.expect("new");

        let second = store.put_opts(&path, "second".into(), create()).await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
        let bytes = store.get(&path).await.expect("there").bytes().await.expect("readable");
        assert_eq!(bytes.as_ref(), b"first");
        let names: Vec<_> = fs::read_dir(folder.path().join("log")).expect("there").collect();
        assert_eq!(names.len(), 1);
    }
}
